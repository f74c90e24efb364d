// The oracle's text, as CFlatBuffers.h describes it.
#pragma once

#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

#include "flatbuffers/flatbuffers.h"
#include "include/CFlatBuffers.h"

namespace ettools {

class Text {
 public:
  Text(cfb_sink sink, void *context) : sink_(sink), context_(context) { buffer_.reserve(kPart + 4096); }
  ~Text() { flush(); }
  Text(const Text &) = delete;
  Text &operator=(const Text &) = delete;

  Text &begin(std::string_view table) {
    buffer_ += table;
    return *this;
  }

  void end() {
    buffer_ += '\n';
    if (buffer_.size() >= kPart) flush();
  }

  template <typename T>
  Text &number(std::string_view name, T value) {
    key(name);
    integer(static_cast<std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>(value));
    return *this;
  }

  template <typename E>
  Text &choice(std::string_view name, E value) {
    return number(name, static_cast<std::underlying_type_t<E>>(value));
  }

  Text &bits(std::string_view name, float value) {
    key(name);
    real(value);
    return *this;
  }

  Text &bits(std::string_view name, double value) {
    key(name);
    real(value);
    return *this;
  }

  Text &string(std::string_view name, const flatbuffers::String *value) {
    key(name);
    if (!value) return absent();
    buffer_ += '"';
    for (flatbuffers::uoffset_t i = 0; i < value->size(); i++) {
      const auto c = static_cast<unsigned char>(value->Data()[i]);
      if (c == '"' || c == '\\' || c < 0x20 || c > 0x7e) {
        buffer_ += '\\';
        hex(c, 2);
      } else {
        buffer_ += static_cast<char>(c);
      }
    }
    buffer_ += '"';
    return *this;
  }

  Text &bytes(std::string_view name, const flatbuffers::Vector<uint8_t> *value) {
    key(name);
    if (!value) return absent();
    uint64_t hash = 0xcbf29ce484222325;
    for (flatbuffers::uoffset_t i = 0; i < value->size(); i++) hash = (hash ^ value->Data()[i]) * 0x100000001b3;
    integer(static_cast<uint64_t>(value->size()));
    buffer_ += ':';
    hex(hash, 16);
    return *this;
  }

  template <typename T>
  Text &numbers(std::string_view name, const flatbuffers::Vector<T> *value) {
    key(name);
    if (!value) return absent();
    buffer_ += '[';
    for (flatbuffers::uoffset_t i = 0; i < value->size(); i++) {
      if (i) buffer_ += ',';
      // The verifier lets 8-byte elements lie at any multiple of 4.
      T element;
      std::memcpy(&element, value->Data() + i * sizeof(T), sizeof(T));
      if constexpr (std::is_floating_point_v<T>) {
        real(element);
      } else if constexpr (std::is_signed_v<T>) {
        integer(static_cast<int64_t>(element));
      } else {
        integer(static_cast<uint64_t>(element));
      }
    }
    buffer_ += ']';
    return *this;
  }

  Text &table(std::string_view name, const void *value) {
    key(name);
    buffer_ += value ? '+' : '-';
    return *this;
  }

  template <typename T>
  Text &tables(std::string_view name, const flatbuffers::Vector<flatbuffers::Offset<T>> *value) {
    return number(name, value ? value->size() : 0);
  }

  Text &none(std::string_view name) {
    key(name);
    return absent();
  }

 private:
  static constexpr size_t kPart = 1 << 16;

  cfb_sink sink_;
  void *context_;
  std::string buffer_;

  void flush() {
    if (!buffer_.empty()) sink_(context_, buffer_.data(), buffer_.size());
    buffer_.clear();
  }

  void key(std::string_view name) {
    buffer_ += ' ';
    buffer_ += name;
    buffer_ += '=';
  }

  Text &absent() {
    buffer_ += '-';
    return *this;
  }

  template <typename T>
  void integer(T value) {
    char digits[24];
    buffer_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }

  void hex(uint64_t value, int width) {
    for (int shift = 4 * (width - 1); shift >= 0; shift -= 4) buffer_ += "0123456789abcdef"[(value >> shift) & 15];
  }

  template <typename T>
  void real(T value) {
    std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t> pattern;
    static_assert(sizeof pattern == sizeof value);
    std::memcpy(&pattern, &value, sizeof value);
    buffer_ += "0x";
    hex(pattern, 2 * sizeof value);
  }
};

template <typename T, typename Write>
void each(const flatbuffers::Vector<flatbuffers::Offset<T>> *tables, Write write) {
  if (!tables) return;
  for (flatbuffers::uoffset_t i = 0; i < tables->size(); i++) write(*tables->Get(i));
}

template <typename Table>
bool verify(const uint8_t *bytes, size_t count, const char *identifier, bool prefixed = false) {
  // The library asserts these instead of refusing.
  if (!bytes || count >= FLATBUFFERS_MAX_BUFFER_SIZE) return false;
  if (count < (prefixed ? 12 : 8)) return false;
  flatbuffers::Verifier::Options options;
  options.max_tables = static_cast<flatbuffers::uoffset_t>(count / 4);
  flatbuffers::Verifier verifier(bytes, count, options);
  return prefixed ? verifier.VerifySizePrefixedBuffer<Table>(identifier) : verifier.VerifyBuffer<Table>(identifier);
}

// One pair for each format; the text is written of verified bytes alone.
bool verifyETDump(const uint8_t *bytes, size_t count, bool prefixed);
void writeETDump(Text &text, const uint8_t *bytes, bool prefixed);
bool verifyProgram(const uint8_t *bytes, size_t count);
void writeProgram(Text &text, const uint8_t *bytes);
bool verifyBundledProgram(const uint8_t *bytes, size_t count);
void writeBundledProgram(Text &text, const uint8_t *bytes);
bool verifyFlatTensor(const uint8_t *bytes, size_t count);
void writeFlatTensor(Text &text, const uint8_t *bytes);
bool verifyXNNPACK(const uint8_t *bytes, size_t count);
void writeXNNPACK(Text &text, const uint8_t *bytes);

}  // namespace ettools
