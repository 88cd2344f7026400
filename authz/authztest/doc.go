// Package authztest proves in a test who can get where. [Golden] keeps the table
// of routes, rules and roles in a file, so that a change of access is a line in
// a review. [Matrix] sends a real request as each role to each route, so that
// the table is what the service does.
package authztest
