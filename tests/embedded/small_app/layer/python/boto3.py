raise ImportError("a wheel for another Python")
