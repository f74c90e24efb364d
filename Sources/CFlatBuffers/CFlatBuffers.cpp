#include "include/CFlatBuffers.h"

#include "Text.h"

using namespace ettools;

int cfb_verify(cfb_format format, const uint8_t *bytes, size_t count) {
  switch (format) {
    case CFB_ETDUMP: return verifyETDump(bytes, count, false);
    case CFB_ETDUMP_SIZE_PREFIXED: return verifyETDump(bytes, count, true);
    case CFB_PROGRAM: return verifyProgram(bytes, count);
    case CFB_BUNDLED_PROGRAM: return verifyBundledProgram(bytes, count);
    case CFB_FLAT_TENSOR: return verifyFlatTensor(bytes, count);
    case CFB_XNNPACK: return verifyXNNPACK(bytes, count);
  }
  return 0;
}

int cfb_text(cfb_format format, const uint8_t *bytes, size_t count, cfb_sink sink, void *context) {
  if (!cfb_verify(format, bytes, count)) return 0;
  Text text(sink, context);
  switch (format) {
    case CFB_ETDUMP: writeETDump(text, bytes, false); break;
    case CFB_ETDUMP_SIZE_PREFIXED: writeETDump(text, bytes, true); break;
    case CFB_PROGRAM: writeProgram(text, bytes); break;
    case CFB_BUNDLED_PROGRAM: writeBundledProgram(text, bytes); break;
    case CFB_FLAT_TENSOR: writeFlatTensor(text, bytes); break;
    case CFB_XNNPACK: writeXNNPACK(text, bytes); break;
  }
  return 1;
}
