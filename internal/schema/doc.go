// Package schema compiles JSON Schemas (draft 2020-12), fills in their defaults
// and checks values within a budget of steps. It does not know requests.
// Package validate makes the values of a request and answers the client.
//
// # Threat
//
// Most libraries ignore the mistakes of a schema, such as a misspelled keyword
// or an unknown format, and the rule is never applied. A document can be built
// so that the time to check it is exponential in its depth.
//
// # Defence
//
// [Compile] refuses every part of a schema that has no effect. [Schema.Check]
// gives up after Options.MaxSteps. Its faults have a fixed order and never hold
// a value.
//
// # What is where
//
//   - schema.go: Compile and Check, for the layers; property.go: the properties
//     that a schema declares, for readers that make a value of text.
//   - jsonschema.go: the only file that knows the library. It turns what the
//     library has compiled into nodes. location.go: the library's names for
//     places in documents.
//   - node.go: one schema, compiled; types.go: the types that it allows.
//   - strict.go, keyword.go, similar.go: what Compile refuses; mistake.go: how
//     Compile says so.
//   - defaults.go: which defaults there are; filler.go: filling them in.
//   - evaluation.go: one value held against one schema, in steps. The keywords
//     stand in evaluatetext.go, evaluatenumber.go, evaluatearray.go,
//     evaluateobject.go and evaluatebranch.go (allOf, anyOf, if and so on).
//   - memory.go: what was found of a part of the value; best.go: which branch
//     was meant; presence.go: what was sent and what was filled in.
//   - met.go: schemas that no value meets; absent.go: required properties that
//     no object can have; schemas.go: all schemas for one value, for both this
//     and readers that want to know names before there is a value.
//   - marks.go: the properties that schemas have described; close.go: the
//     refusal of all others; spelling.go: names in another case.
//   - equal.go, unique.go, decimal.go: equality and exact numbers.
//   - format.go, uri.go: the formats; code.go, fault.go, pointer.go: what is
//     wrong, and where.
//
// # Not covered
//
// The library evaluates a $ref to the meta-schema of the draft. Its steps are
// not counted.
package schema
