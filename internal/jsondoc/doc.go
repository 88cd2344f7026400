// Package jsondoc is the one decoder through which JSON enters: request bodies,
// token headers and claims, schemas.
//
// # Threat
//
// A document that two readers understand differently is a way around whichever
// of them decides. encoding/json keeps the last of two equal names, takes
// "ROLE" and "ſtatuſ" (with a long s) for role and status, and turns broken
// UTF-8 and lone surrogates into U+FFFD; other readers do otherwise. And a
// document can cost far more than its bytes: nesting, a million names, arrays
// of empty arrays, a number such as 1e1000001 for whoever computes with it
// exactly.
//
// # Defence
//
// [Decode] reads RFC 8259 and nothing beyond it, in one pass, under [Limits],
// and stops at the first violation. It refuses what readers disagree about:
// names that occur twice in an object or differ only by case folding, invalid
// UTF-8, lone surrogates, a byte order mark, numbers that float64 cannot hold.
// Values are map[string]any, []any, string, [encoding/json.Number], bool and
// nil. [Bind] puts such a value into a Go type by exact names only. An [Error]
// says what was wrong and where, never what was submitted.
//
// # Sharing
//
// A string or name without escapes shares the bytes of the source, which
// therefore must not be modified afterwards, and which stays in memory as long
// as any of them is held: [Clone] and [Bind] copy. A [Document] may be read by
// several goroutines.
//
// # Not covered
//
// A stream of documents, comments, trailing commas, and any encoding but UTF-8
// are not supported. Types that decode themselves ([encoding/json.Unmarshaler])
// do as they please with what [Bind] hands them, which case folding inside them
// includes.
package jsondoc
