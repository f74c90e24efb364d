/// The official FlatBuffers library behind a C header: strict verification of each format, and an oracle that
/// writes every record as text, to compare other readers with.
///
/// Every function borrows the bytes for the call and keeps nothing. The bytes need no particular alignment in memory;
/// alignment is checked from `bytes`, which is the first byte of the file (the size prefix where there is one).
#ifndef CFLATBUFFERS_H
#define CFLATBUFFERS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cfb_format {
  CFB_ETDUMP = 0,                // ED00
  CFB_ETDUMP_SIZE_PREFIXED = 1,  // the same behind its size, which must be exact
  CFB_PROGRAM = 2,               // ET12; the FlatBuffer begins the file, whether its header is extended or not
  CFB_BUNDLED_PROGRAM = 3,       // BP08
  CFB_FLAT_TENSOR = 4,           // FT01
  CFB_XNNPACK = 5,               // XN00 or XN01: the graph, behind the payload's own header
} cfb_format;

/// 1 where the library's verifier accepts every table, vtable, vector and string, alignment included; 0 where not.
///
/// Tables are counted each time one is reached. More than `count / 4` cannot be reached in a file in which only neighbours
/// share tables, so that is where verification gives up: a few bytes cannot hold it up for long.
int cfb_verify(cfb_format format, const uint8_t *bytes, size_t count);

/// Takes the next bytes of a text.
typedef void (*cfb_sink)(void *context, const char *text, size_t count);

/// Verifies, then hands the text of every record to `sink`, in parts. Returns what `cfb_verify` returns; with 0, `sink` was
/// not called.
///
/// One line for each table, children after their parent in the order of its fields, each depth first:
///
///     ProfileEvent name="add" chain_index=-1 instruction_id=7 … delegate_debug_metadata=- start_time=1 end_time=2
///
/// The line has every field of the schema, in its order, whether the file has it or not:
/// - integers and enumerations in decimal, bool as 0 or 1, absent ones as their default;
/// - float and double as their bits: 0x and 8 or 16 lower-case hexadecimal digits;
/// - strings in double quotes; `"`, `\` and what is not printable ASCII as `\` and two hexadecimal digits;
/// - vectors of bytes as their count, a colon and their FNV-1a hash in 16 hexadecimal digits;
/// - vectors of other numbers as `[1,2,3]`;
/// - strings and these vectors, where absent, as `-`;
/// - tables as `+` or, where absent, `-`; vectors of tables as their count, 0 where absent;
/// - unions as the number of their member, 0 for none. The member's line follows where the number is a known one.
/// ETDump's boxes (`int_value`, `output`…) are fields of `Value`: the number itself, or `-`.
int cfb_text(cfb_format format, const uint8_t *bytes, size_t count, cfb_sink sink, void *context);

#ifdef __cplusplus
}
#endif

#endif
