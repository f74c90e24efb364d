#include "Text.h"
#include "generated/program_generated.h"

namespace ettools {
using namespace program;

bool verifyProgram(const uint8_t *bytes, size_t count) { return verify<Program>(bytes, count, ProgramIdentifier()); }

static void write(Text &text, const Tensor &tensor) {
  text.begin("Tensor")
      .choice("scalar_type", tensor.scalar_type())
      .number("storage_offset", tensor.storage_offset())
      .numbers("sizes", tensor.sizes())
      .numbers("dim_order", tensor.dim_order())
      .number("requires_grad", tensor.requires_grad())
      .number("data_buffer_idx", tensor.data_buffer_idx())
      .table("allocation_info", tensor.allocation_info())
      .number("layout", tensor.layout())
      .choice("shape_dynamism", tensor.shape_dynamism())
      .table("extra_tensor_info", tensor.extra_tensor_info())
      .end();
  if (auto details = tensor.allocation_info()) {
    text.begin("AllocationDetails")
        .number("memory_id", details->memory_id())
        .number("memory_offset_low", details->memory_offset_low())
        .number("memory_offset_high", details->memory_offset_high())
        .end();
  }
  if (auto extra = tensor.extra_tensor_info()) {
    text.begin("ExtraTensorInfo")
        .number("mutable_data_segments_idx", extra->mutable_data_segments_idx())
        .string("fully_qualified_name", extra->fully_qualified_name())
        .choice("location", extra->location())
        .choice("device_type", extra->device_type())
        .number("device_index", extra->device_index())
        .end();
  }
}

static void write(Text &text, const EValue &value) {
  text.begin("EValue").choice("val", value.val_type()).end();
  // A member without its table: the verifier accepts it.
  if (!value.val()) return;
  switch (value.val_type()) {
    case KernelTypes::NONE: break;
    case KernelTypes::Null: text.begin("Null").end(); break;
    case KernelTypes::Int: text.begin("Int").number("int_val", value.val_as_Int()->int_val()).end(); break;
    case KernelTypes::Bool: text.begin("Bool").number("bool_val", value.val_as_Bool()->bool_val()).end(); break;
    case KernelTypes::Double: text.begin("Double").bits("double_val", value.val_as_Double()->double_val()).end(); break;
    case KernelTypes::Tensor: write(text, *value.val_as_Tensor()); break;
    case KernelTypes::String: text.begin("String").string("string_val", value.val_as_String()->string_val()).end(); break;
    case KernelTypes::IntList: text.begin("IntList").numbers("items", value.val_as_IntList()->items()).end(); break;
    case KernelTypes::DoubleList:
      text.begin("DoubleList").numbers("items", value.val_as_DoubleList()->items()).end();
      break;
    case KernelTypes::BoolList: text.begin("BoolList").numbers("items", value.val_as_BoolList()->items()).end(); break;
    case KernelTypes::TensorList:
      text.begin("TensorList").numbers("items", value.val_as_TensorList()->items()).end();
      break;
    case KernelTypes::OptionalTensorList:
      text.begin("OptionalTensorList").numbers("items", value.val_as_OptionalTensorList()->items()).end();
      break;
  }
}

static void write(Text &text, const Instruction &instruction) {
  text.begin("Instruction").choice("instr_args", instruction.instr_args_type()).end();
  if (!instruction.instr_args()) return;
  switch (instruction.instr_args_type()) {
    case InstructionArguments::NONE: break;
    case InstructionArguments::KernelCall: {
      auto call = instruction.instr_args_as_KernelCall();
      text.begin("KernelCall").number("op_index", call->op_index()).numbers("args", call->args()).end();
      break;
    }
    case InstructionArguments::DelegateCall: {
      auto call = instruction.instr_args_as_DelegateCall();
      text.begin("DelegateCall").number("delegate_index", call->delegate_index()).numbers("args", call->args()).end();
      break;
    }
    case InstructionArguments::MoveCall: {
      auto call = instruction.instr_args_as_MoveCall();
      text.begin("MoveCall").number("move_from", call->move_from()).number("move_to", call->move_to()).end();
      break;
    }
    case InstructionArguments::JumpFalseCall: {
      auto call = instruction.instr_args_as_JumpFalseCall();
      text.begin("JumpFalseCall")
          .number("cond_value_index", call->cond_value_index())
          .number("destination_instruction", call->destination_instruction())
          .end();
      break;
    }
    case InstructionArguments::FreeCall:
      text.begin("FreeCall").number("value_index", instruction.instr_args_as_FreeCall()->value_index()).end();
      break;
  }
}

static void write(Text &text, const Chain &chain) {
  text.begin("Chain")
      .numbers("inputs", chain.inputs())
      .numbers("outputs", chain.outputs())
      .tables("instructions", chain.instructions())
      .tables("stacktrace", chain.stacktrace())
      .end();
  each(chain.instructions(), [&](auto &instruction) { write(text, instruction); });
  each(chain.stacktrace(), [&](auto &list) {
    text.begin("FrameList").tables("items", list.items()).end();
    each(list.items(), [&](auto &frame) {
      text.begin("Frame")
          .string("filename", frame.filename())
          .number("lineno", frame.lineno())
          .string("name", frame.name())
          .string("context", frame.context())
          .end();
    });
  });
}

static void write(Text &text, const BackendDelegate &delegate) {
  text.begin("BackendDelegate")
      .string("id", delegate.id())
      .table("processed", delegate.processed())
      .tables("compile_specs", delegate.compile_specs())
      .end();
  if (auto reference = delegate.processed()) {
    text.begin("BackendDelegateDataReference")
        .choice("location", reference->location())
        .number("index", reference->index())
        .end();
  }
  each(delegate.compile_specs(), [&](auto &spec) {
    text.begin("CompileSpec").string("key", spec.key()).bytes("value", spec.value()).end();
  });
}

static void write(Text &text, const ExecutionPlan &plan) {
  text.begin("ExecutionPlan")
      .string("name", plan.name())
      .table("container_meta_type", plan.container_meta_type())
      .tables("values", plan.values())
      .numbers("inputs", plan.inputs())
      .numbers("outputs", plan.outputs())
      .tables("chains", plan.chains())
      .tables("operators", plan.operators())
      .tables("delegates", plan.delegates())
      .numbers("non_const_buffer_sizes", plan.non_const_buffer_sizes())
      .tables("non_const_buffer_device", plan.non_const_buffer_device())
      .end();
  if (auto metadata = plan.container_meta_type()) {
    text.begin("ContainerMetadata")
        .string("encoded_inp_str", metadata->encoded_inp_str())
        .string("encoded_out_str", metadata->encoded_out_str())
        .end();
  }
  each(plan.values(), [&](auto &value) { write(text, value); });
  each(plan.chains(), [&](auto &chain) { write(text, chain); });
  each(plan.operators(), [&](auto &op) {
    text.begin("Operator").string("name", op.name()).string("overload", op.overload()).end();
  });
  each(plan.delegates(), [&](auto &delegate) { write(text, delegate); });
  each(plan.non_const_buffer_device(), [&](auto &device) {
    text.begin("NonConstBufferDevice")
        .number("buffer_idx", device.buffer_idx())
        .choice("device_type", device.device_type())
        .number("device_index", device.device_index())
        .end();
  });
}

static void write(Text &text, const SubsegmentOffsets &offsets) {
  text.begin("SubsegmentOffsets")
      .number("segment_index", offsets.segment_index())
      .numbers("offsets", offsets.offsets())
      .end();
}

void writeProgram(Text &text, const uint8_t *bytes) {
  auto &program = *GetProgram(bytes);
  text.begin("Program")
      .number("version", program.version())
      .tables("execution_plan", program.execution_plan())
      .tables("constant_buffer", program.constant_buffer())
      .tables("backend_delegate_data", program.backend_delegate_data())
      .tables("segments", program.segments())
      .table("constant_segment", program.constant_segment())
      .tables("mutable_data_segments", program.mutable_data_segments())
      .tables("named_data", program.named_data())
      .end();
  each(program.execution_plan(), [&](auto &plan) { write(text, plan); });
  each(program.constant_buffer(), [&](auto &buffer) { text.begin("Buffer").bytes("storage", buffer.storage()).end(); });
  each(program.backend_delegate_data(), [&](auto &data) {
    text.begin("BackendDelegateInlineData").bytes("data", data.data()).end();
  });
  each(program.segments(), [&](auto &segment) {
    text.begin("DataSegment").number("offset", segment.offset()).number("size", segment.size()).end();
  });
  if (program.constant_segment()) write(text, *program.constant_segment());
  each(program.mutable_data_segments(), [&](auto &offsets) { write(text, offsets); });
  each(program.named_data(), [&](auto &named) {
    text.begin("NamedData").string("key", named.key()).number("segment_index", named.segment_index()).end();
  });
}

}  // namespace ettools
