"""Metrics: pure functions of arrays. Each says what it measures, in what unit and range, and where it comes from.

Clips are R'G'B' (frames, height, width, 3) float32 in [0, 1], mattes (frames, height, width) in [0, 1]. A level is
1/255. A figure is nan where there is nothing that it could be measured on.
"""
