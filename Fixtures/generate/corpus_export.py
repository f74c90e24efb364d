def exported(op): return []
