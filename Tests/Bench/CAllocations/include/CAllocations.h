/// How often this process has asked for memory; -1 where that is not counted.
long callocations_count(void);
