#include "Text.h"
#include "generated/bundled_program_generated.h"

namespace ettools {
using namespace bundled;

bool verifyBundledProgram(const uint8_t *bytes, size_t count) {
  return verify<BundledProgram>(bytes, count, BundledProgramIdentifier());
}

static void write(Text &text, const Value &value) {
  text.begin("Value").choice("val", value.val_type()).end();
  if (!value.val()) return;
  switch (value.val_type()) {
    case ValueUnion::NONE: break;
    case ValueUnion::Tensor: {
      auto tensor = value.val_as_Tensor();
      text.begin("Tensor")
          .choice("scalar_type", tensor->scalar_type())
          .numbers("sizes", tensor->sizes())
          .bytes("data", tensor->data())
          .numbers("dim_order", tensor->dim_order())
          .end();
      break;
    }
    case ValueUnion::Int: text.begin("Int").number("int_val", value.val_as_Int()->int_val()).end(); break;
    case ValueUnion::Bool: text.begin("Bool").number("bool_val", value.val_as_Bool()->bool_val()).end(); break;
    case ValueUnion::Double: text.begin("Double").bits("double_val", value.val_as_Double()->double_val()).end(); break;
  }
}

void writeBundledProgram(Text &text, const uint8_t *bytes) {
  auto &bundle = *GetBundledProgram(bytes);
  text.begin("BundledProgram")
      .number("version", bundle.version())
      .tables("method_test_suites", bundle.method_test_suites())
      .bytes("program", bundle.program())
      .end();
  each(bundle.method_test_suites(), [&](auto &suite) {
    text.begin("BundledMethodTestSuite")
        .string("method_name", suite.method_name())
        .tables("test_cases", suite.test_cases())
        .end();
    each(suite.test_cases(), [&](auto &test) {
      text.begin("BundledMethodTestCase")
          .tables("inputs", test.inputs())
          .tables("expected_outputs", test.expected_outputs())
          .end();
      each(test.inputs(), [&](auto &value) { write(text, value); });
      each(test.expected_outputs(), [&](auto &value) { write(text, value); });
    });
  });
}

}  // namespace ettools
