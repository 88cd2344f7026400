// Package schema compiles JSON Schemas (draft 2020-12), fills in their defaults
// and holds values against them within a budget of steps. It knows values and
// nothing of requests: package validate decides what a value is made of, and
// what a client is told.
package schema
