"""The `videoshop` method: noise-extrapolated inversion of Stable Video Diffusion (arXiv 2403.14617)."""
