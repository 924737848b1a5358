"""Components in the code that a newcomer writes for one episode, by which the lifting engine is judged."""
