// Package ratelimittest helps to test a store of limits.
//
// # Threat
//
// A store that takes from one cell and then refuses for the sake of another, or
// that gives back twice, works in every test but one that looks for it. Behind
// a limit on logins it is a hole.
//
// # Defence
//
// [TestStore] executes the rules that [ratelimit.Store] states, each rule in a
// subtest. Call it from the tests of a store of your own. The suite is itself
// run against stores that break one rule each.
//
// # Not covered
//
// The package is for tests only. The suite runs in one process against one
// store. It does not stop an engine or cut a connection. It sets a clock only
// where the store is a [ClockStepper].
//
// # Errors
//
// What goes wrong fails the test that called. The Example of TestStore shows
// how it is called.
package ratelimittest
