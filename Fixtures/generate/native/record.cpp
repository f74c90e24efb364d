// Records, with the official ETDumpGen, traces that the Python bindings cannot record.
//
// Usage: record FOLDER. Writes one <case>.etdp (and <case>.debug) per case. See Fixtures/native/README.md.
#include "harness.h"

#include <cinttypes>
#include <cstring>

using namespace std::string_literals;

// MARK: allocations

static void allocations() {
  Clock::start(1'000'000);
  ETDumpGen gen;
  gen.create_event_block("Default");
  auto planned = gen.track_allocator("planned_memory");
  auto method = gen.track_allocator("method_allocator");
  {
    hooks::EventTracerProfileMethodScope program(&gen, "Program::load_method");
    gen.track_allocation(method, 4096);
    spend(40'000);
    {
      hooks::EventTracerProfileMethodScope init(&gen, "Method::init");
      gen.track_allocation(planned, 1 << 20);
      gen.track_allocation(method, 96);
      spend(90'000);
    }
  }
  for (int run = 0; run < 2; ++run) {
    gen.create_event_block("Execute");
    auto temporary = gen.track_allocator("temp_allocator");  // ids start again at 1 in each block
    auto entry = gen.start_profiling("Method::execute");
    kernel(gen, 0, 0, "native_call_convolution.out", 52'000, [&] { gen.track_allocation(temporary, 65'536); });
    gen.track_allocation(temporary, 0);
    kernel(gen, 0, 1, "native_call_add.out", 3'000, [&] { gen.track_allocation(temporary, 5'000'000'000ull); });
    gen.track_allocation(7, 12);  // no such allocator: the generator does not check
    gen.end_profiling(entry);
  }
  save(gen, "allocations");
}

/// Allocators declared, nothing allocated: a trace the reference can read.
static void allocators_only() {
  Clock::start(1'000'000);
  ETDumpGen gen;
  load(gen);
  gen.create_event_block("Execute");
  gen.track_allocator("planned_memory");
  gen.track_allocator("");
  auto entry = gen.start_profiling("Method::execute");
  kernel(gen, 0, 0, "native_call_add.out", 3'000);
  gen.end_profiling(entry);
  save(gen, "allocators");
}

// MARK: bundled input

// ETDumpGen writes a member of its own, `bundled_input_index_`, which hides the base class's member of the same
// name that set_bundled_input_index() sets. So the official hook never reaches the file. To record what the
// generator writes once the index arrives, this sets the hidden member, past its access, by the explicit
// instantiation that the language allows.
template <typename Tag, typename Tag::type Member>
struct Reach {
  friend typename Tag::type reach(Tag) { return Member; }
};
struct OwnBundledIndex {
  using type = int ETDumpGen::*;
  friend type reach(OwnBundledIndex);
};
template struct Reach<OwnBundledIndex, &ETDumpGen::bundled_input_index_>;

static void bundled_runs(const char* name, const std::function<void(ETDumpGen&, int)>& set_index) {
  Clock::start(5'000'000);
  ETDumpGen gen;
  load(gen);
  for (int index : {-1, 0, 0, 1, -1, 1}) {
    set_index(gen, index);
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_mm.out", 21'000);
      kernel(gen, 0, 1, "native_call_relu.out", 2'000);
    });
  }
  save(gen, name);
}

static void bundled_input() {
  bundled_runs("bundled-input", [](ETDumpGen& gen, int index) { gen.*reach(OwnBundledIndex{}) = index; });
  bundled_runs("bundled-input-hook", [](ETDumpGen& gen, int index) {
    hooks::event_tracer_set_bundled_input_index(&gen, index);
  });
}

// MARK: delegate ids and metadata

static void delegate_ids() {
  Clock::start(2'000'000);
  ETDumpGen gen;
  const uint8_t odd_bytes[] = {0x00, 0xFF, 0x80, 0x0A, 0x22, 0xC3};
  load(gen, [&] {
    // At init no instruction is set: chain -1, instruction 0.
    auto entry = gen.start_profiling_delegate("init graph", -1);
    spend(60'000);
    gen.end_profiling_delegate(entry, "{\"nodes\":3}", 11);
  });
  for (int run = 0; run < 3; ++run) {
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_permute_copy.out", 8'000);
      instruction(gen, 0, 1, "DELEGATE_CALL", [&] {
        for (int id : {0, 1, 7, 2147483647, -2}) {  // measured while it runs, by number
          auto entry = gen.start_profiling_delegate(nullptr, id);
          spend(4'000 + 500 * (id & 7));
          gen.end_profiling_delegate(entry, id == 1 ? odd_bytes : nullptr, id == 1 ? sizeof odd_bytes : 0);
        }
        for (const char* id : {"conv_0", "1", "0", ""}) {  // by name; the empty one reads as no name
          auto entry = gen.start_profiling_delegate(id, -1);
          spend(6'000);
          std::string metadata = "run "s + std::to_string(run);
          gen.end_profiling_delegate(entry, *id == 'c' ? metadata.data() : "x", *id == 'c' ? metadata.size() : 0);
        }
      });
      instruction(gen, 0, 2, "DELEGATE_CALL", [&] {
        uint64_t start = Clock::now;
        spend(30'000);
        // After the fact, back to back.
        gen.log_profiling_delegate(nullptr, 0, start, start + 9'000, nullptr, 0);
        gen.log_profiling_delegate(nullptr, 3, start + 9'000, start + 9'000, odd_bytes, 1);  // no length
        gen.log_profiling_delegate("fused", -1, start + 9'000, start + 26'500, "\"ünïcode\"\t", 12);
        // Only the first run has metadata here: the list holds "" for the others.
        gen.log_profiling_delegate("tail", -1, start + 26'500, start + 28'000, "first", run == 0 ? 5 : 0);
      });
    });
  }
  save(gen, "delegate-ids");
}

/// A delegate event that outlives its instruction is filed under the instruction current at its end.
static void delegate_ends_late() {
  Clock::start(2'000'000);
  ETDumpGen gen;
  load(gen);
  execute(gen, [&] {
    rt::EventTracerEntry entry;
    instruction(gen, 0, 4, "DELEGATE_CALL", [&] {
      spend(1'000);
      entry = gen.start_profiling_delegate("asynchronous", -1);
      spend(2'000);
    });
    instruction(gen, 0, 5, "DELEGATE_CALL", [&] {
      spend(3'000);
      gen.end_profiling_delegate(entry, nullptr, 0);
    });
    entry = gen.start_profiling_delegate(nullptr, 9);
    spend(700);
    gen.end_profiling_delegate(entry, nullptr, 0);  // between instructions: chain -1, instruction 0
  });
  save(gen, "delegate-ends-late");
}

// MARK: clocks

/// An event from `start` to `end`, whatever the order.
static void event(ETDumpGen& gen, const char* name, int chain, uint32_t id, uint64_t start, uint64_t end) {
  Clock::now = start;
  auto entry = gen.start_profiling(name, chain, id);
  Clock::now = end;
  gen.end_profiling(entry);
}

static void wrap32() {
  constexpr uint64_t top = 0xFFFFFFFFull;
  Clock::start(top - 150'000, 23, top);
  ETDumpGen gen;
  load(gen);
  for (int run = 0; run < 4; ++run) {  // the counter wraps in the second run
    if (run == 1) Clock::now = top - 30'000;
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_convolution.out", 28'000);
      kernel(gen, 0, 1, "native_call_relu.out", 2'500);
      kernel(gen, 0, 2, "native_call_addmm.out", 12'000);
    });
  }
  Clock::start(0, 0);
  gen.create_event_block("Edges");
  event(gen, "last tick to zero", 0, 0, top, 0);
  event(gen, "last tick to one", 0, 1, top, 1);
  event(gen, "last tick to last tick", 0, 2, top, top);
  event(gen, "zero to last tick", 0, 3, 0, top);
  event(gen, "one back", 0, 4, 1'000, 999);
  event(gen, "zero to zero", 0, 5, 0, 0);
  event(gen, "over the top, no wrap", 0, 6, top, top + 1);
  save(gen, "wrap32");
}

/// The wrap inside a delegate: the reference scales the two ends first and wraps the scaled values.
static void wrap32_delegate() {
  constexpr uint64_t top = 0xFFFFFFFFull;
  Clock::start(0, 0);
  ETDumpGen gen;
  load(gen);
  execute(gen, [&] {
    instruction(gen, 0, 0, "DELEGATE_CALL", [&] {
      gen.log_profiling_delegate("wrapped", -1, top - 999, 1'000, nullptr, 0);
      gen.log_profiling_delegate("last tick to zero", -1, top, 0, nullptr, 0);
      gen.log_profiling_delegate(nullptr, 0, 5'000'000, 7'000'000, nullptr, 0);
      gen.log_profiling_delegate("above 32 bits, backwards", -1, 1ull << 33, 5, nullptr, 0);
      spend(10'000);
    });
  });
  save(gen, "wrap32-delegate");
}

static void backwards64() {
  Clock::start(0, 0);
  ETDumpGen gen;
  load(gen);
  gen.create_event_block("Execute");
  event(gen, "native_call_add.out", 0, 0, (1ull << 32) + 10, 5);
  event(gen, "Method::execute", -1, 0, (1ull << 32), (1ull << 32) + 500);
  save(gen, "backwards64");
}

/// Ticks near 2^64: beyond what a double, and a signed integer, hold.
static void huge_ticks() {
  constexpr uint64_t top = ~0ull;
  Clock::start(0, 0);
  ETDumpGen gen;
  gen.create_event_block("Execute");
  event(gen, "native_call_add.out", 0, 0, top - 3'000, top - 1'000);
  event(gen, "native_call_mul.out", 0, 1, (1ull << 53) + 1, (1ull << 53) + 4);
  event(gen, "native_call_sub.out", 0, 2, (1ull << 63) - 1, (1ull << 63) + 1);
  event(gen, "the whole range", 0, 3, 0, top);
  save(gen, "huge-ticks");
}

static void cycles() {
  Clock::start(700'000'000'123ull, 61);
  ETDumpGen gen;
  load(gen);
  for (int run = 0; run < 5; ++run) {
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_convolution.out", 1'843'200);
      kernel(gen, 0, 1, "native_call_relu.out", 24'576);
      instruction(gen, 0, 2, "DELEGATE_CALL", [&] {
        for (int id = 0; id < 3; ++id) {
          auto entry = gen.start_profiling_delegate(nullptr, id);
          spend(400'000u >> id);
          gen.end_profiling_delegate(entry, nullptr, 0);
        }
      });
      kernel(gen, 0, 3, "native_call_addmm.out", 98'304);
    });
  }
  save(gen, "cycles");
}

// MARK: order and repetition

/// A while loop: three passes over instructions 1…4 in each run, four in the last.
static void loop() {
  Clock::start(9'000'000);
  ETDumpGen gen;
  load(gen);
  for (int passes : {3, 3, 4}) {
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_full.out", 900);
      for (int pass = 0; pass < passes; ++pass) {
        kernel(gen, 0, 1, "native_call_add.out", 2'000 * (pass + 1));
        kernel(gen, 0, 2, "native_call_lt.Scalar_out", 700);
        instruction(gen, 0, 3, "MOVE_CALL");
        instruction(gen, 0, 4, "JF_CALL");
      }
      instruction(gen, 0, 5, "FREE_CALL");
      kernel(gen, 0, 6, "native_call_mul.out", 1'500);
    });
  }
  save(gen, "loop");
}

/// One kernel name twice under one instruction, and one delegate id twice in one call.
static void repeated() {
  Clock::start(9'000'000);
  ETDumpGen gen;
  load(gen);
  for (int run = 0; run < 2; ++run) {
    execute(gen, [&] {
      instruction(gen, 0, 0, "OPERATOR_CALL", [&] {
        for (int half = 0; half < 2; ++half) {
          hooks::EventTracerProfileOpScope scope(&gen, "native_call_cat.out");
          spend(half ? 3'000 : 1'000);
        }
      });
      instruction(gen, 0, 1, "DELEGATE_CALL", [&] {
        for (int layer = 0; layer < 3; ++layer) {
          auto entry = gen.start_profiling_delegate("conv", -1);
          spend(5'000 * (layer + 1));
          gen.end_profiling_delegate(entry, nullptr, 0);
          entry = gen.start_profiling_delegate(nullptr, 0);
          spend(1'000);
          gen.end_profiling_delegate(entry, nullptr, 0);
        }
      });
    });
  }
  save(gen, "repeated");
}

/// Three chains with the same instruction ids. In chains 0 and 1 the names agree too.
static void chains() {
  Clock::start(3'000'000);
  ETDumpGen gen;
  load(gen);
  for (int run = 0; run < 3; ++run) {
    execute(gen, [&] {
      for (int chain = 0; chain < 3; ++chain) {
        kernel(gen, chain, 0, chain < 2 ? "native_call_add.out" : "native_call_sub.out", 2'000 * (chain + 1));
        kernel(gen, chain, 1, chain < 2 ? "native_call_mul.out" : "native_call_div.out", 900 * (chain + 1));
      }
    });
  }
  save(gen, "chains");
}

/// A conditional: the same method runs one of two branches, so one name has several blocks.
static void control_flow() {
  Clock::start(3'000'000);
  ETDumpGen gen;
  load(gen);
  for (bool branch : {true, false, true, true, false}) {
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_gt.Scalar_out", 800);
      instruction(gen, 0, 1, "JF_CALL");
      if (branch) {
        kernel(gen, 0, 2, "native_call_sin.out", 5'000);
        instruction(gen, 0, 3, "JF_CALL");
      } else {
        kernel(gen, 0, 4, "native_call_cos.out", 7'000);
        kernel(gen, 0, 5, "native_call_add.out", 1'000);
      }
      instruction(gen, 0, 6, "MOVE_CALL");
    });
  }
  execute(gen, [] {});  // an Execute block with nothing but Method::execute
  save(gen, "control-flow");
}

/// Method::step: no block of its own, one Method::step event per instruction.
static void step() {
  Clock::start(3'000'000);
  ETDumpGen gen;
  load(gen);
  for (int run = 0; run < 2; ++run) {
    for (uint32_t id = 0; id < 3; ++id) {
      auto entry = hooks::event_tracer_begin_profiling_event(&gen, "Method::step");
      kernel(gen, 0, id, "native_call_add.out", 2'000);
      hooks::event_tracer_end_profiling_event(&gen, entry);
    }
  }
  save(gen, "step");
}

/// Profiling level kProfileMethodOnly: no operators.
static void method_only() {
  Clock::start(3'000'000);
  ETDumpGen gen;
  gen.set_event_tracer_profiling_level(rt::EventTracerProfilingLevel::kProfileMethodOnly);
  load(gen);
  for (int run = 0; run < 3; ++run) {
    execute(gen, [&] { kernel(gen, 0, 0, "native_call_add.out", 2'000); });
  }
  save(gen, "method-only");
}

// MARK: failed and empty

static void failed() {
  Clock::start(3'000'000);
  ETDumpGen gen;
  load(gen);
  execute(gen, [&] {
    kernel(gen, 0, 0, "native_call_mm.out", 9'000);
    kernel(gen, 0, 1, "native_call_add.out", 2'000);
  });
  // The second run stops in instruction 1: the scopes close, Method::execute does not.
  gen.create_event_block("Execute");
  gen.start_profiling("Method::execute");
  kernel(gen, 0, 0, "native_call_mm.out", 9'000);
  kernel(gen, 0, 1, "native_call_add.out", 2'000);
  // The third fails before its first instruction: a block with no events.
  gen.create_event_block("Execute");
  gen.start_profiling("Method::execute");
  execute(gen, [&] {
    kernel(gen, 0, 0, "native_call_mm.out", 9'000);
    kernel(gen, 0, 1, "native_call_add.out", 2'000);
  });
  save(gen, "failed");
}

static void empty() {
  Clock::start(1'000);
  {
    ETDumpGen gen;  // never used: the generator gives no bytes
    save(gen, "empty-no-bytes");
  }
  {
    ETDumpGen gen;
    gen.create_event_block("Default");
    save(gen, "empty-block");
  }
  {
    ETDumpGen gen;
    gen.create_event_block("");
    gen.create_event_block("Default");
    gen.create_event_block("Execute");
    save(gen, "empty-blocks");
  }
  {
    ETDumpGen gen;
    gen.create_event_block("Default");
    gen.track_allocator("planned_memory");
    save(gen, "empty-allocators");
  }
}

// MARK: the generator's own storage

static void model(ETDumpGen& gen, int runs) {
  load(gen);
  for (int run = 0; run < runs; ++run) {
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_convolution.out", 52'000);
      kernel(gen, 0, 1, "native_call_relu.out", 4'000);
      kernel(gen, 0, 2, "native_call_addmm.out", 9'000);
    });
  }
}

/// A fixed span instead of the heap, its length odd on purpose; and the same events on the heap beside it.
static void static_buffer() {
  static std::vector<uint8_t> storage(400'003);
  Clock::start(8'000'000);
  ETDumpGen fixed({storage.data() + 1, storage.size() - 1});
  model(fixed, 4);
  save(fixed, "static-buffer");
  Clock::start(8'000'000);
  ETDumpGen heap;
  model(heap, 4);
  save(heap, "static-buffer-heap");
}

/// A fixed buffer used twice. The generator does not rewind it, and gives both traces: the newer one in front.
static void static_buffer_twice() {
  static std::vector<uint8_t> storage(400'000);
  Clock::start(8'000'000);
  ETDumpGen gen({storage.data(), storage.size()});
  model(gen, 2);
  gen.get_etdump_data();
  model(gen, 1);
  save(gen, "static-buffer-twice");
}

/// The generator used again after its data was taken: it starts a new trace.
static void reused() {
  Clock::start(8'000'000);
  ETDumpGen gen;
  model(gen, 1);
  auto first = gen.get_etdump_data();
  free(first.buf);
  execute(gen, [&] { kernel(gen, 0, 0, "native_call_add.out", 2'000); });
  save(gen, "reused");
}

/// Two methods loaded by one tracer and run in turn. Neither block nor event says which method ran.
static void two_methods() {
  Clock::start(8'000'000);
  ETDumpGen gen;
  load(gen);  // encode
  load(gen);  // decode
  auto run = [&](uint64_t ticks) {
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_embedding.out", ticks / 10);
      instruction(gen, 0, 1, "DELEGATE_CALL", [&] { spend(ticks); });
    });
  };
  run(900'000);
  for (int token = 0; token < 4; ++token) run(70'000);
  save(gen, "two-methods");
}

/// A method run inside another's kernel: the outer events that end later land in the inner block.
static void nested() {
  Clock::start(8'000'000);
  ETDumpGen gen;
  load(gen);
  execute(gen, [&] {
    kernel(gen, 0, 0, "native_call_add.out", 2'000);
    instruction(gen, 0, 1, "OPERATOR_CALL", [&] {
      execute(gen, [&] { kernel(gen, 0, 0, "native_call_sigmoid.out", 3'000); });
    });
  });
  save(gen, "nested");
}

// MARK: names

static void names() {
  Clock::start(4'000'000);
  ETDumpGen gen;
  load(gen);
  const std::vector<std::string> names = {
      "double \"quotes\"", "single 'quotes'", "tab\there", "newline\nhere", "return\rhere", "both\r\nhere", "a,b,c",
      "semi;colon|pipe", "back\\slash \\n \\u0041", "Größe Δt 時間 🕰️", "e\u0301 combining, \u00e9 composed",
      "right-to-left \u202Eevil\u202C", "line\u2028separator\u0085nel", "bell\aescape\x1B[31mred\x1B[0m\x7F",
      "<script>alert(1)</script>", "a & b < c > d &amp;", "=1+1", "+1", "-1", "@SUM(A1)", " leading and trailing ",
      "", "null", "NaN", "None", "123", "1e5", "True", "[]", "{}", "# comment", "%s %d %n", "../../etc/passwd",
      "\xEF\xBB\xBF""byte order mark", "\xF4\x8F\xBF\xBF last code point", std::string(10'240, 'x'),
      "long, then different: " + std::string(10'000, 'y') + "é end"};
  for (int run = 0; run < 2; ++run) {
    execute(gen, [&] {
      uint32_t id = 0;
      for (const auto& name : names) kernel(gen, 0, id++, name.c_str(), 1'000);
      instruction(gen, 0, id++, "OPERATOR_CALL", [&] {
        auto entry = gen.start_profiling(nullptr);  // no name at all
        spend(500);
        gen.end_profiling(entry);
      });
      instruction(gen, 0, id++, "DELEGATE_CALL", [&] {
        for (const auto& name : names) {
          uint64_t start = Clock::now;
          spend(600);
          gen.log_profiling_delegate(name.c_str(), -1, start, Clock::now, nullptr, 0);
        }
      });
    });
  }
  gen.create_event_block("block \"q\"\t\n<b>é</b>");
  event(gen, "in an odd block", 0, 0, 100, 200);
  save(gen, "names");
}

/// Bytes that are not UTF-8: a C string may hold them.
static void names_not_utf8() {
  Clock::start(4'000'000);
  ETDumpGen gen;
  load(gen);
  execute(gen, [&] {
    kernel(gen, 0, 0, "latin-1 \xE9", 1'000);
    kernel(gen, 0, 1, "cut short \xE6\x99", 1'000);
    kernel(gen, 0, 2, "surrogate \xED\xA0\x80", 1'000);
    kernel(gen, 0, 3, "overlong \xC0\xAF", 1'000);
  });
  save(gen, "names-not-utf8");
}

/// The table hides rows whose name contains OPERATOR_CALL anywhere.
static void operator_call_names() {
  Clock::start(4'000'000);
  ETDumpGen gen;
  load(gen);
  execute(gen, [&] {
    uint32_t id = 0;
    for (const char* name : {"native_call_my_OPERATOR_CALL_2.out", "OPERATOR_CALLS", "XOPERATOR_CALL", "operator_call",
                             "OPERATOR CALL", "OPERATOR_CAL", "native_call_add.out"}) {
      kernel(gen, 0, id++, name, 1'000);
    }
    instruction(gen, 0, id++, "DELEGATE_CALL", [&] {
      delegate_phase(gen, "OPERATOR_CALL", [] { spend(400); });
      delegate_phase(gen, "graph/OPERATOR_CALL/0", [] { spend(400); });
    });
  });
  save(gen, "operator-call-names");
}

/// More events than the small cases, a thousand runs of few: sums long enough to show how they were added.
static void many_runs() {
  Clock::start(1'700'000'000'000'000'000ull);
  ETDumpGen gen;
  load(gen);
  for (int run = 0; run < 300; ++run) {
    execute(gen, [&] { kernel(gen, 0, 0, "native_call_add.out", run == 0 ? 90'000 : 2'000 + run); });
  }
  save(gen, "many-runs");
}

static const std::vector<Case> cases = {
    {"allocations", allocations},
    {"allocators", allocators_only},
    {"bundled-input", bundled_input},
    {"delegate-ids", delegate_ids},
    {"delegate-ends-late", delegate_ends_late},
    {"wrap32", wrap32},
    {"wrap32-delegate", wrap32_delegate},
    {"backwards64", backwards64},
    {"huge-ticks", huge_ticks},
    {"cycles", cycles},
    {"loop", loop},
    {"repeated", repeated},
    {"chains", chains},
    {"control-flow", control_flow},
    {"step", step},
    {"method-only", method_only},
    {"failed", failed},
    {"empty", empty},
    {"static-buffer", static_buffer},
    {"static-buffer-twice", static_buffer_twice},
    {"reused", reused},
    {"two-methods", two_methods},
    {"nested", nested},
    {"names", names},
    {"names-not-utf8", names_not_utf8},
    {"operator-call-names", operator_call_names},
    {"many-runs", many_runs},
};

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: record FOLDER [CASE…]\n");
    return 64;
  }
  out_folder = argv[1];
  rt::register_pal(rt::PalImpl::create(
      nullptr, nullptr, Clock::read, [] { return et_tick_ratio_t{1, 1}; }, nullptr, nullptr, nullptr, __FILE__));
  rt::runtime_init();
  for (const auto* list : {&cases, &delegate_cases, &value_cases}) {
    for (const auto& each : *list) {
      bool wanted = argc == 2;
      for (int i = 2; i < argc; ++i) wanted |= !strcmp(argv[i], each.name);
      if (!wanted) continue;
      fprintf(stderr, "record: %s\n", each.name);
      each.record();
    }
  }
}
