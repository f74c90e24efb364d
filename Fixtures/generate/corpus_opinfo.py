def captured(op): return []
