package documents_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/examples/internal/documents"
	"github.com/bulwark-go/bulwark/examples/internal/documents/storetest"
)

func TestTheStoreTakesGrants(t *testing.T) {
	shared, err := documents.Alone()
	if err != nil {
		t.Fatal(err)
	}
	storetest.Grants(t, shared.Documents)
}

// A document that nobody has checked does not compile as an argument of the
// store. The package beside it compiles, so that nothing else is the reason.
func TestARawDocumentDoesNotCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the compiler, and nothing of ours")
	}
	build := func(folder string) string {
		cmd := exec.Command("go", "build", "-o", os.DevNull, folder)
		cmd.Env = append(os.Environ(), "GOPROXY=off")
		out, err := cmd.CombinedOutput()
		if err == nil {
			return ""
		}
		return string(out)
	}
	if out := build("./testdata/granted"); out != "" {
		t.Fatalf("a grant does not compile:\n%s", out)
	}
	out := build("./testdata/raw")
	for _, call := range []string{"Delete", "Update", "Create"} {
		if !strings.Contains(out, "in argument to store."+call) || strings.Count(out, "as authz.Granted[*documents.Document] value") != 3 {
			t.Errorf("store.%s takes a raw document:\n%s", call, out)
		}
	}
}
