//go:build !race

// Package race tells tests whether the race detector is compiled in: it
// allocates on its own account, so that a test which counts allocations has
// nothing to say under it.
package race

// Enabled is true in a binary built with -race.
const Enabled = false
