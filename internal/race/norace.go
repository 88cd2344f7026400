//go:build !race

// Package race lets tests find out whether the race detector is compiled in.
// The race detector itself allocates, so a test that counts allocations skips
// then.
package race

// Enabled is true in a binary built with -race.
const Enabled = false
