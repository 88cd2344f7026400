// Package jsondoc is the only decoder of JSON in this module. It reads request
// bodies, the headers and claims of tokens, and schemas.
//
// # Threat
//
// Two programs may read one document differently. If one of them decides and
// the other acts, the decision is evaded. encoding/json keeps the last of two
// equal names. It reads "ROLE" as role and "ſtatuſ" (with a long s) as status,
// and turns broken UTF-8 and lone surrogates into U+FFFD. Other programs do
// not.
//
// A document can also cost far more than its bytes: deep nesting, a million
// names, arrays of empty arrays, or a number such as 1e1000001 for a program
// that computes exactly.
//
// # Defence
//
// [Decode] reads RFC 8259 and nothing else, in one pass, under [Limits]. It
// stops at the first violation. It refuses documents that programs read
// differently: names that occur twice in an object or differ only by case
// folding, invalid UTF-8, lone surrogates, a byte order mark, and numbers that
// float64 cannot hold.
//
// Values are map[string]any, []any, string, [encoding/json.Number], bool and
// nil. [Bind] stores such a value in a Go type, by exact names. An [Error] has
// the kind of the fault and its place, and no submitted text.
//
// # Sharing
//
// A string or name without escapes shares the bytes of the source. So the
// source must not be modified afterwards, and it stays in memory as long as one
// of the strings. [Clone] and [Bind] copy the strings. Several goroutines may
// read one [Document].
//
// # Not covered
//
// A stream of documents, comments, trailing commas, and encodings other than
// UTF-8 are not supported. A type that decodes itself
// ([encoding/json.Unmarshaler]) gets its JSON text from [Bind] and may read it
// by other rules, for example with case folding.
package jsondoc
