#include "Text.h"
#include "generated/etdump_generated.h"

namespace ettools {
using namespace etdump;

bool verifyETDump(const uint8_t *bytes, size_t count, bool prefixed) {
  return verify<ETDump>(bytes, count, ETDumpIdentifier(), prefixed);
}

static void write(Text &text, const Tensor &tensor) {
  text.begin("Tensor")
      .choice("scalar_type", tensor.scalar_type())
      .numbers("sizes", tensor.sizes())
      .numbers("strides", tensor.strides())
      .number("offset", tensor.offset())
      .end();
}

static void write(Text &text, const Value &value) {
  text.begin("Value")
      .choice("val", value.val())
      .table("tensor", value.tensor())
      .table("tensor_list", value.tensor_list());
  value.int_value() ? text.number("int_value", value.int_value()->int_val()) : text.none("int_value");
  value.float_value() ? text.bits("float_value", value.float_value()->float_val()) : text.none("float_value");
  value.double_value() ? text.bits("double_value", value.double_value()->double_val()) : text.none("double_value");
  value.bool_value() ? text.number("bool_value", value.bool_value()->bool_val()) : text.none("bool_value");
  value.output() ? text.number("output", value.output()->bool_val()) : text.none("output");
  text.end();
  if (value.tensor()) write(text, *value.tensor());
  if (value.tensor_list()) {
    text.begin("TensorList").tables("tensors", value.tensor_list()->tensors()).end();
    each(value.tensor_list()->tensors(), [&](auto &tensor) { write(text, tensor); });
  }
}

static void write(Text &text, const Event &event) {
  text.begin("Event")
      .table("profile_event", event.profile_event())
      .table("allocation_event", event.allocation_event())
      .table("debug_event", event.debug_event())
      .end();
  if (auto profile = event.profile_event()) {
    text.begin("ProfileEvent")
        .string("name", profile->name())
        .number("chain_index", profile->chain_index())
        .number("instruction_id", profile->instruction_id())
        .number("delegate_debug_id_int", profile->delegate_debug_id_int())
        .string("delegate_debug_id_str", profile->delegate_debug_id_str())
        .bytes("delegate_debug_metadata", profile->delegate_debug_metadata())
        .number("start_time", profile->start_time())
        .number("end_time", profile->end_time())
        .end();
  }
  if (auto allocation = event.allocation_event()) {
    text.begin("AllocationEvent")
        .number("allocator_id", allocation->allocator_id())
        .number("allocation_size", allocation->allocation_size())
        .end();
  }
  if (auto debug = event.debug_event()) {
    text.begin("DebugEvent")
        .number("chain_index", debug->chain_index())
        .number("instruction_id", debug->instruction_id())
        .table("debug_entry", debug->debug_entry())
        .number("delegate_debug_id_int", debug->delegate_debug_id_int())
        .string("delegate_debug_id_str", debug->delegate_debug_id_str())
        .string("name", debug->name())
        .end();
    if (debug->debug_entry()) write(text, *debug->debug_entry());
  }
}

void writeETDump(Text &text, const uint8_t *bytes, bool prefixed) {
  auto &dump = *(prefixed ? GetSizePrefixedETDump(bytes) : GetETDump(bytes));
  text.begin("ETDump").number("version", dump.version()).tables("run_data", dump.run_data()).end();
  each(dump.run_data(), [&](auto &run) {
    text.begin("RunData")
        .string("name", run.name())
        .number("bundled_input_index", run.bundled_input_index())
        .tables("allocators", run.allocators());
    // The reference skips a run without the field, so absent and empty differ here.
    run.events() ? text.tables("events", run.events()) : text.none("events");
    text.end();
    each(run.allocators(), [&](auto &allocator) { text.begin("Allocator").string("name", allocator.name()).end(); });
    each(run.events(), [&](auto &event) { write(text, event); });
  });
}

}  // namespace ettools
