// Clocks as inline functions: reading one costs its instructions and no call.

#ifndef CCLOCK_H
#define CCLOCK_H

#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

/// CLOCK_MONOTONIC, in nanoseconds.
static inline uint64_t cclock_system(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// The processor's time-stamp counter (x86-64: TSC, arm64: CNTVCT_EL0), in ticks of its own; 0 elsewhere. Read after
/// the instructions before it.
static inline uint64_t cclock_counter(void) {
#if defined(__x86_64__)
  _mm_lfence();
  return __rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
  return ticks;
#else
  return 0;
#endif
}

/// Whether the counter runs at one rate whatever the processor's frequency and sleep are: the invariant TSC of CPUID
/// leaf 0x80000007, bit 8 of EDX; always on arm64.
static inline int cclock_counter_is_invariant(void) {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d >> 8 & 1);
#elif defined(__aarch64__)
  return 1;
#else
  return 0;
#endif
}

/// Stores `value` so that whoever sees it sees everything that was stored before it.
static inline void cclock_publish(uint32_t *_Nonnull place, uint32_t value) {
  __atomic_store_n(place, value, __ATOMIC_RELEASE);
}

/// Takes `size` from a counter that several threads take from, where `count` bytes from there on lie within `limit`: its
/// value before, or UINT64_MAX.
static inline uint64_t cclock_take(uint64_t *_Nonnull counter, uint64_t size, uint64_t count, uint64_t limit) {
  uint64_t value = __atomic_load_n(counter, __ATOMIC_RELAXED);
  do {
    if (value > limit || count > limit - value) return UINT64_MAX;
  } while (!__atomic_compare_exchange_n(counter, &value, value + size, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return value;
}

#endif
