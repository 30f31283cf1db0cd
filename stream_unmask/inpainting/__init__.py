"""The work on one face: segmenting, generating, smoothing, matching, blending."""
