"""The accelerator as its programs see it: memory, descriptors, bursts on its bus."""
