"""`wecall bundle` and `wecall fleet`: what an installer's computer does."""
