// A scripted clock, the runtime's own tracing scopes, and a place to put a trace.
//
// Every time in these fixtures comes from `Clock`: it is registered with the platform abstraction layer
// (register_pal), so ETDumpGen and the backends' hooks read it through pal_current_ticks(). Nothing reads
// the machine's clock, hence recording again gives the same bytes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <executorch/devtools/etdump/data_sinks/buffer_data_sink.h>
#include <executorch/devtools/etdump/data_sinks/file_data_sink.h>
#include <executorch/devtools/etdump/etdump_flatcc.h>
#include <executorch/runtime/core/event_tracer_hooks.h>
#include <executorch/runtime/core/event_tracer_hooks_delegate.h>
#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/portable_type/tensor_impl.h>
#include <executorch/runtime/platform/platform.h>
#include <executorch/runtime/platform/runtime.h>

namespace rt = executorch::runtime;
namespace hooks = executorch::runtime::internal;
using executorch::aten::ScalarType;
using executorch::aten::Tensor;
using executorch::etdump::ETDumpGen;

/// Ticks that pass only when the script says so. Reading the clock costs `read_cost`, as on a real machine.
struct Clock {
  static inline uint64_t now = 0;
  static inline uint64_t read_cost = 0;
  static inline uint64_t mask = ~0ull;  // 2^32 - 1: a 32-bit counter, which wraps
  static inline uint32_t seed = 1;

  static uint64_t read() {
    uint64_t ticks = now & mask;
    now += read_cost;
    return ticks;
  }
  static void start(uint64_t at, uint64_t cost = 23, uint64_t wrap = ~0ull) {
    now = at;
    read_cost = cost;
    mask = wrap;
    seed = 1;
  }
};

/// Lets `ticks` pass, give or take a sixteenth: runs differ, repeatably.
inline uint64_t spend(uint64_t ticks) {
  Clock::seed = Clock::seed * 1664525u + 1013904223u;
  uint64_t span = ticks / 8;
  uint64_t spent = ticks - span / 2 + (span ? (Clock::seed >> 8) % span : 0);
  Clock::now += spent;
  return spent;
}

/// Lets exactly `ticks` pass.
inline void pass(uint64_t ticks) { Clock::now += ticks; }

inline std::string out_folder = ".";

inline void write_file(const std::string& name, const void* bytes, size_t count) {
  std::string path = out_folder + "/" + name;
  FILE* file = fopen(path.c_str(), "wb");
  if (!file || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) {
    fprintf(stderr, "record: cannot write %s\n", path.c_str());
    exit(2);
  }
}

/// Ends the trace and writes `<name>.etdp`, as many bytes as the generator gives (none, when it has no block).
inline void save(ETDumpGen& gen, const std::string& name) {
  auto result = gen.get_etdump_data();
  write_file(name + ".etdp", result.buf, result.size);
  if (result.buf && !gen.is_static_etdump()) free(result.buf);
}

// What the runtime does around its work, in its order and with its own scopes.

using Work = std::function<void()>;

/// Program::load_method: the Default block, with Method::init inside.
inline void load(ETDumpGen& gen, const Work& backends = {}) {
  hooks::event_tracer_create_event_block(&gen, "Default");
  hooks::EventTracerProfileMethodScope program(&gen, "Program::load_method");
  spend(41'000);
  hooks::EventTracerProfileMethodScope init(&gen, "Method::init");
  spend(187'000);
  if (backends) backends();
}

/// Method::execute: the Execute block and its outermost event.
inline void execute(ETDumpGen& gen, const Work& instructions) {
  hooks::event_tracer_create_event_block(&gen, "Execute");
  auto entry = hooks::event_tracer_begin_profiling_event(&gen, "Method::execute");
  spend(310);
  instructions();
  spend(190);
  hooks::event_tracer_end_profiling_event(&gen, entry);
}

/// One instruction of a chain; `kind` is OPERATOR_CALL, DELEGATE_CALL, JF_CALL, MOVE_CALL or FREE_CALL.
inline void instruction(ETDumpGen& gen, int chain, uint32_t id, const char* kind, const Work& work = {}) {
  hooks::EventTracerProfileInstructionScope scope(&gen, chain, id);
  hooks::EventTracerProfileOpScope op(&gen, kind);
  spend(70);
  if (work) work();
  spend(40);
}

/// A kernel call: `native_call_…` inside OPERATOR_CALL. `log` runs inside the kernel's scope, as the generated wrapper does.
inline void kernel(ETDumpGen& gen, int chain, uint32_t id, const char* name, uint64_t ticks, const Work& log = {}) {
  instruction(gen, chain, id, "OPERATOR_CALL", [&] {
    hooks::EventTracerProfileOpScope scope(&gen, name);
    spend(ticks);
    if (log) log();
  });
}

/// A delegate event measured while it runs.
inline void delegate_phase(ETDumpGen& gen, const char* name, const Work& work, const std::string& metadata = "") {
  auto entry = rt::event_tracer_start_profiling_delegate(&gen, name, -1);
  work();
  rt::event_tracer_end_profiling_delegate(&gen, entry, metadata.empty() ? nullptr : metadata.data(), metadata.size());
}

/// A named case: records one or more traces.
struct Case {
  const char* name;
  void (*record)();
};
extern const std::vector<Case> delegate_cases;
extern const std::vector<Case> value_cases;
