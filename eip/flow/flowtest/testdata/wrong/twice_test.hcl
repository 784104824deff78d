suite {}
suite {}
