package headers

import (
	"net/http"
	"strings"
)

// ClearSiteData asks the browser to remove what it keeps for the origin of the
// answer (Clear Site Data, 3.1), as the answer to a logout should. The kinds
// are "cache", "cookies", "storage", "executionContexts", "clientHints",
// "prefetchCache" and "prerenderCache"; without any kind it is cache, cookies
// and storage. Cookies go for the whole registrable domain, other subdomains
// included. Any other kind removes everything. Call it before the header is
// written; browsers heed it over TLS only.
func ClearSiteData(w http.ResponseWriter, kinds ...string) {
	if len(kinds) == 0 {
		kinds = []string{"cache", "cookies", "storage"}
	}
	quoted := make([]string, 0, len(kinds))
	for _, kind := range kinds {
		switch kind {
		case "cache", "cookies", "storage", "executionContexts", "clientHints", "prefetchCache", "prerenderCache":
			quoted = append(quoted, `"`+kind+`"`)
		default:
			w.Header()["Clear-Site-Data"] = []string{`"*"`}
			return
		}
	}
	w.Header()["Clear-Site-Data"] = []string{strings.Join(quoted, ", ")}
}
