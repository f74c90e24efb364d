#include "Text.h"
#include "generated/flat_tensor_generated.h"

namespace ettools {
using namespace tensors;

bool verifyFlatTensor(const uint8_t *bytes, size_t count) {
  return verify<FlatTensor>(bytes, count, FlatTensorIdentifier());
}

void writeFlatTensor(Text &text, const uint8_t *bytes) {
  auto &file = *GetFlatTensor(bytes);
  text.begin("FlatTensor")
      .number("version", file.version())
      .tables("segments", file.segments())
      .tables("named_data", file.named_data())
      .end();
  each(file.segments(), [&](auto &segment) {
    text.begin("DataSegment").number("offset", segment.offset()).number("size", segment.size()).end();
  });
  each(file.named_data(), [&](auto &named) {
    text.begin("NamedData")
        .string("key", named.key())
        .number("segment_index", named.segment_index())
        .table("tensor_layout", named.tensor_layout())
        .end();
    if (auto layout = named.tensor_layout()) {
      text.begin("TensorLayout")
          .choice("scalar_type", layout->scalar_type())
          .numbers("sizes", layout->sizes())
          .numbers("dim_order", layout->dim_order())
          .end();
    }
  });
}

}  // namespace ettools
