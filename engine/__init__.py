"""Propagation of an edit painted on one frame through a video clip. A library: it knows no network, host or job."""
