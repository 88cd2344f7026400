package fleetguide

import (
	"testing"

	"github.com/bulwark-go/bulwark/internal/pagetest"
)

// TestThePageShowsThisCode finds each block of the page among the files of this
// folder, but for its indentation.
func TestThePageShowsThisCode(t *testing.T) {
	pagetest.Read(t, "*_test.go").HasBlocks(t, "../../../docs/fleet.md", 14)
}
