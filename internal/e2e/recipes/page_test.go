package recipes

import (
	"testing"

	"github.com/bulwark-go/bulwark/internal/pagetest"
)

// pages are the pages of docs/ whose blocks this package runs, with the number
// of blocks that each has at least.
var pages = map[string]int{
	"browser-app.md": 3,
	"fields.md":      7,
	"objects.md":     12,
	"recipes.md":     38,
	"one-route.md":   19,
	"rotation.md":    11,
	"metrics.md":     7,
	"overload.md":    2,
	"own-store.md":   17,
	"sessions.md":    9,
	"tenants.md":     7,
	"testing.md":     22,
	"tokens.md":      11,
	"trail.md":       8,
}

// TestThePagesShowThisCode finds each block of the pages among the files of
// this folder, but for its indentation: code in the tests themselves, and what
// a program prints or reads in the values that the tests compare with.
func TestThePagesShowThisCode(t *testing.T) {
	code := pagetest.Read(t, "*_test.go")
	for name, least := range pages {
		code.HasBlocks(t, "../../../docs/"+name, least)
	}
}
