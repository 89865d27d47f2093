"""How the clip moves: dense maps between a keyframe and every other frame, and how far to trust them."""
