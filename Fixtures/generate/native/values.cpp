// Values: every kind that the generator can log, through both data sinks.
#include "harness.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

using executorch::aten::ArrayRef;
using executorch::aten::TensorImpl;
using executorch::etdump::BufferDataSink;
using executorch::etdump::FileDataSink;
using rt::EValue;

namespace {

/// A tensor and what it points to.
struct Held {
  std::vector<TensorImpl::SizesType> sizes;
  std::vector<TensorImpl::DimOrderType> order;
  std::vector<TensorImpl::StridesType> strides;
  std::vector<uint8_t> data;
  std::unique_ptr<TensorImpl> impl;

  Tensor tensor() const { return Tensor(impl.get()); }
  EValue value() const { return EValue(tensor()); }
};

/// `order` is the order of dimensions in memory, outermost first; empty means the natural one.
Held hold(ScalarType type, std::vector<TensorImpl::SizesType> sizes, const void* bytes, size_t count,
          std::vector<TensorImpl::DimOrderType> order = {}) {
  Held held;
  held.sizes = std::move(sizes);
  held.order = std::move(order);
  if (held.order.empty()) {
    for (size_t i = 0; i < held.sizes.size(); ++i) held.order.push_back(static_cast<uint8_t>(i));
  }
  held.strides.resize(held.sizes.size());
  int stride = 1;
  for (size_t i = held.order.size(); i-- > 0;) {
    held.strides[held.order[i]] = stride;
    stride *= held.sizes[held.order[i]] ? held.sizes[held.order[i]] : 1;
  }
  held.data.resize(count);
  if (count) memcpy(held.data.data(), bytes, count);
  held.impl = std::make_unique<TensorImpl>(type, static_cast<ssize_t>(held.sizes.size()), held.sizes.data(),
                                           held.data.data(), held.order.data(), held.strides.data());
  return held;
}

template <typename T>
Held hold(ScalarType type, std::vector<TensorImpl::SizesType> sizes, const std::vector<T>& values,
          std::vector<TensorImpl::DimOrderType> order = {}) {
  return hold(type, std::move(sizes), values.data(), values.size() * sizeof(T), std::move(order));
}

Held floats(std::vector<TensorImpl::SizesType> sizes, const std::vector<float>& values) {
  return hold(ScalarType::Float, std::move(sizes), values);
}

/// A list value over held tensors.
struct HeldList {
  std::vector<EValue> values;
  std::vector<EValue*> pointers;
  std::vector<Tensor> unwrapped;
  std::unique_ptr<rt::BoxedEvalueList<Tensor>> boxed;

  explicit HeldList(const std::vector<const Held*>& items) {
    for (auto* item : items) {
      values.push_back(item->value());
      unwrapped.push_back(item->tensor());
    }
    for (auto& value : values) pointers.push_back(&value);
    pointers.reserve(1);  // an empty list needs an address too
    unwrapped.reserve(1);
    boxed = std::make_unique<rt::BoxedEvalueList<Tensor>>(pointers.data(), unwrapped.data(), static_cast<int>(items.size()));
  }
  EValue value() { return EValue(boxed.get()); }
};

void intermediate(ETDumpGen& gen, EValue value) { hooks::event_tracer_log_evalue(&gen, value); }
void output(ETDumpGen& gen, EValue value) { hooks::event_tracer_log_evalue_output(&gen, value); }

/// Leaves out one delegate output by its name.
struct LeaveOut : rt::EventTracerFilterBase {
  rt::Result<bool> filter(const char* name, rt::DelegateDebugIntId) override {
    return name != nullptr && !strcmp(name, "left_out");
  }
};

/// What a case asks for beyond one run.
struct Options {
  int runs = 1;
  bool not_a_number = true;   // NaN never equals itself, so two runs with it disagree
  bool output_list = true;    // the reference cannot compare two runs' list outputs
  bool changing = false;      // another value in the second run
};

void record_values(ETDumpGen& gen, Options options) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  gen.set_event_tracer_debug_level(rt::EventTracerDebugLogLevel::kIntermediateOutputs);
  LeaveOut filter;
  gen.set_delegation_intermediate_output_filter(&filter);

  auto byte = hold<uint8_t>(ScalarType::Byte, {5}, {0, 1, 127, 128, 255});
  auto chars = hold<int8_t>(ScalarType::Char, {3}, {-128, -1, 127});
  auto shorts = hold<int16_t>(ScalarType::Short, {2, 1}, {-32768, 32767});
  auto ints = hold<int32_t>(ScalarType::Int, {2, 2}, {INT32_MIN, -1, 0, INT32_MAX});
  auto longs = hold<int64_t>(ScalarType::Long, {3}, {INT64_MIN, 9007199254740993, INT64_MAX});
  auto singles = floats({2, 3}, {0.1f, -0.0f, 1e-45f, 3.4028235e38f, 1.5f, -2.25f});
  auto doubles = hold<double>(ScalarType::Double, {2}, {0.1 + 0.2, 5e-324});
  auto bools = hold<uint8_t>(ScalarType::Bool, {4}, {1, 0, 0, 1});
  auto words = hold<uint16_t>(ScalarType::UInt16, {3}, {0, 32768, 65535});
  auto bits = hold<uint16_t>(ScalarType::Bits16, {2}, {0xABCD, 0x0001});
  auto odd = floats({4}, {nan, inf, -inf, 1.0f});
  auto scalar = hold<double>(ScalarType::Double, {}, {3.141592653589793});
  auto empty = floats({0, 4}, {});
  auto empty_inside = floats({2, 0, 3}, {});
  std::vector<float> image(1 * 2 * 2 * 3);
  for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i);
  auto channels_last = hold<float>(ScalarType::Float, {1, 2, 2, 3}, image, {0, 2, 3, 1});
  HeldList list({&singles, &empty, &byte}), no_tensors({});

  const std::vector<std::pair<const char*, const Held*>> kinds = {
      {"native_call_byte.out", &byte},     {"native_call_char.out", &chars},   {"native_call_short.out", &shorts},
      {"native_call_int.out", &ints},      {"native_call_long.out", &longs},   {"native_call_float.out", &singles},
      {"native_call_double.out", &doubles}, {"native_call_bool.out", &bools},  {"native_call_uint16.out", &words},
      {"native_call_bits16.out", &bits},   {"native_call_scalar.out", &scalar}, {"native_call_empty.out", &empty},
      {"native_call_empty_inside.out", &empty_inside}, {"native_call_channels_last.out", &channels_last}};

  load(gen);
  for (int run = 0; run < options.runs; ++run) {
    execute(gen, [&] {
      uint32_t id = 0;
      for (const auto& [name, held] : kinds) {
        kernel(gen, 0, id++, name, 2'000, [&, held = held] { intermediate(gen, held->value()); });
      }
      if (options.not_a_number) {
        kernel(gen, 0, 14, "native_call_log.out", 2'000, [&] { intermediate(gen, odd.value()); });
      }
      kernel(gen, 0, 15, "native_call_split_copy.Tensor_out", 2'000, [&] { intermediate(gen, list.value()); });
      kernel(gen, 0, 16, "native_call_nothing.out", 2'000, [&] { intermediate(gen, no_tensors.value()); });
      kernel(gen, 0, 17, "native_call_scalars", 2'000, [&] {  // several values under one instruction
        for (int64_t value : {int64_t(0), int64_t(-1), int64_t(9007199254740993), INT64_MAX, INT64_MIN}) {
          intermediate(gen, EValue(value));
        }
        for (double value : {0.0, -0.0, 0.1 + 0.2, 1.0 / 3.0, 1e300, 5e-324, -2.5, 123456789.123456789}) {
          intermediate(gen, EValue(value));
        }
        intermediate(gen, EValue(true));
        intermediate(gen, EValue(false));
      });
      instruction(gen, 0, 18, "DELEGATE_CALL", [&] {
        delegate_phase(gen, "conv_0", [] { spend(5'000); });
        rt::event_tracer_log_output_delegate<Tensor>(&gen, "conv_0", -1, singles.tensor());
        rt::event_tracer_log_output_delegate<Tensor>(&gen, "only_a_value", -1, byte.tensor());
        rt::event_tracer_log_output_delegate<Tensor>(&gen, "left_out", -1, byte.tensor());
        rt::event_tracer_log_output_delegate<Tensor>(&gen, nullptr, 0, longs.tensor());
        Tensor pair[] = {ints.tensor(), bools.tensor()};
        rt::event_tracer_log_output_delegate<ArrayRef<Tensor>>(&gen, nullptr, 3, ArrayRef<Tensor>(pair, 2));
        rt::event_tracer_log_output_delegate<int>(&gen, "count", -1, -7);
        rt::event_tracer_log_output_delegate<bool>(&gen, "flag", -1, true);
        rt::event_tracer_log_output_delegate<double>(&gen, "loss", -1, 0.6931471805599453);
        rt::event_tracer_log_output_delegate<double>(&gen, nullptr, 4, options.changing && run ? 2.0 : 1.0);
        // After Execute the runtime logs every argument of the call, inputs first.
        intermediate(gen, singles.value());
        intermediate(gen, byte.value());
      });
    });
    output(gen, singles.value());
    output(gen, empty.value());
    if (options.output_list) output(gen, list.value());
    // Scalar outputs get no output flag: they become events of their own, chain -1, instruction 0.
    output(gen, EValue(int64_t(42)));
    output(gen, EValue(2.5));
    output(gen, EValue(true));
  }
}

/// Through BufferDataSink, on a buffer that starts `shift` bytes after a multiple of 64; only the used bytes are kept.
void through_buffer(const char* name, Options options, size_t shift = 0) {
  alignas(64) static uint8_t storage[16'384];
  memset(storage, 0xEE, sizeof storage);
  Clock::start(6'000'000);
  ETDumpGen gen;
  gen.set_debug_buffer({storage + shift, sizeof storage - shift});
  record_values(gen, options);
  size_t used = gen.get_data_sink()->get_used_bytes();
  save(gen, name);
  write_file(std::string(name) + ".debug", storage + shift, used);
}

void values() { through_buffer("values", {}); }
void values_shifted() { through_buffer("values-shifted", {}, 16); }

void values_file() {
  Clock::start(6'000'000);
  auto sink = FileDataSink::create((out_folder + "/values-file.debug").c_str());
  ETDumpGen gen;
  gen.set_data_sink(&sink.get());
  record_values(gen, {});
  save(gen, "values-file");
}

void values_runs() {
  through_buffer("values-two-runs", {2, false, false, false});
  through_buffer("values-nan-two-runs", {2, true, false, false});
  through_buffer("values-output-list", {2, false, true, false});
  through_buffer("values-change", {2, false, false, true});
}

/// Debug level kProgramOutputs: no intermediate outputs, and the program's outputs change from run to run.
void outputs_only() {
  for (bool change : {false, true}) {
    alignas(64) static uint8_t aligned[4096];
    Clock::start(6'000'000);
    ETDumpGen gen;
    gen.set_debug_buffer({aligned, sizeof aligned});
    gen.set_event_tracer_debug_level(rt::EventTracerDebugLogLevel::kProgramOutputs);
    load(gen);
    for (int run = 0; run < 2; ++run) {
      auto result = floats({1, 3}, {0.25f, change ? run * 1.0f : 0.5f, 0.75f});
      execute(gen, [&] {
        kernel(gen, 0, 0, "native_call_softmax.out", 4'000, [&] { intermediate(gen, result.value()); });
      });
      output(gen, result.value());
    }
    size_t used = gen.get_data_sink()->get_used_bytes();
    const char* name = change ? "outputs-change" : "outputs-only";
    save(gen, name);
    write_file(std::string(name) + ".debug", aligned, used);
  }
}

/// A buffer cut short, as when the application wrote less than was used.
void values_cut() {
  alignas(64) static uint8_t storage[4096];
  Clock::start(6'000'000);
  ETDumpGen gen;
  gen.set_debug_buffer({storage, sizeof storage});
  gen.set_event_tracer_debug_level(rt::EventTracerDebugLogLevel::kIntermediateOutputs);
  auto first = floats({4}, {1, 2, 3, 4}), second = floats({4}, {5, 6, 7, 8});
  execute(gen, [&] {
    kernel(gen, 0, 0, "native_call_add.out", 2'000, [&] { intermediate(gen, first.value()); });
    kernel(gen, 0, 1, "native_call_mul.out", 2'000, [&] { intermediate(gen, second.value()); });
  });
  save(gen, "values-cut");
  write_file("values-cut.debug", storage, 64);  // the second tensor starts at 64
}

/// Half is a dtype that the generator cannot log. It says so after it opened a table, and the hook that kernels call
/// ignores the answer: what follows lands inside the open table, and the file's root is not the trace.
void values_half() {
  alignas(64) static uint8_t storage[4096];
  Clock::start(6'000'000);
  ETDumpGen gen;
  gen.set_debug_buffer({storage, sizeof storage});
  gen.set_event_tracer_debug_level(rt::EventTracerDebugLogLevel::kIntermediateOutputs);
  auto half = hold<uint16_t>(ScalarType::Half, {4}, {0x3C00, 0x4000, 0x4200, 0x4400});
  auto single = floats({4}, {1, 2, 3, 4});
  load(gen);
  for (int run = 0; run < 2; ++run) {
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_add.out", 2'000, [&] { intermediate(gen, single.value()); });
      if (run == 1) kernel(gen, 0, 1, "native_call__to_copy.out", 2'000, [&] { intermediate(gen, half.value()); });
      kernel(gen, 0, 2, "native_call_mul.out", 2'000, [&] { intermediate(gen, single.value()); });
    });
  }
  size_t used = gen.get_data_sink()->get_used_bytes();
  save(gen, "values-half");
  write_file("values-half.debug", storage, used);
}

/// Scalars that are not finite.
void scalars_not_finite() {
  Clock::start(6'000'000);
  ETDumpGen gen;
  gen.set_event_tracer_debug_level(rt::EventTracerDebugLogLevel::kIntermediateOutputs);
  execute(gen, [&] {
    kernel(gen, 0, 0, "native_call_scalars", 2'000, [&] {
      intermediate(gen, EValue(std::numeric_limits<double>::quiet_NaN()));
      intermediate(gen, EValue(std::numeric_limits<double>::infinity()));
      intermediate(gen, EValue(-std::numeric_limits<double>::infinity()));
    });
  });
  save(gen, "scalars-not-finite");
}

}  // namespace

const std::vector<Case> value_cases = {
    {"values", values},
    {"values-shifted", values_shifted},
    {"values-file", values_file},
    {"values-runs", values_runs},
    {"outputs-only", outputs_only},
    {"values-cut", values_cut},
    {"values-half", values_half},
    {"scalars-not-finite", scalars_not_finite},
};
