package e2e

import (
	"testing"

	"github.com/bulwark-go/bulwark/internal/pagetest"
)

// TestThePageShowsThisCode finds each block of docs/routers.md among the code
// that the tests here run, except for its indentation.
func TestThePageShowsThisCode(t *testing.T) {
	pagetest.Read(t, "*_test.go").HasBlocks(t, "../../docs/routers.md", 36)
}
