package headers

import (
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// checkEmbedding reports a policy that allows content which the embedder policy
// makes browsers block. With require-corp a browser uses the answer of another
// origin only if it has Cross-Origin-Resource-Policy or was fetched by CORS
// (HTML, 7.1.4; Fetch, 3.7). A named host may do so, and not every host does.
// Fonts, manifests and requests of scripts are always fetched by CORS. A frame
// must have an embedder policy itself, also with credentialless.
func (c *Config) checkEmbedding(csp CSP, m *compiled, value string, faults *fault.List) {
	embedder, _ := cutReportTo(value)
	if embedder == "" || !m.csp.sent() {
		return
	}
	for _, list := range []struct {
		path    string
		sources []string
		frame   bool
	}{
		{"DefaultSrc", csp.defaults(embedder == "credentialless"), true},
		{"ScriptSrc", csp.ScriptSrc, false},
		{"ScriptSrcElem", csp.ScriptSrcElem, false},
		{"StyleSrc", csp.StyleSrc, false},
		{"StyleSrcElem", csp.StyleSrcElem, false},
		{"ImgSrc", csp.ImgSrc, false},
		{"MediaSrc", csp.MediaSrc, false},
		{"ObjectSrc", csp.ObjectSrc, true},
		{"FrameSrc", csp.FrameSrc, true},
		{"ChildSrc", csp.ChildSrc, true},
	} {
		if embedder == "credentialless" && !list.frame {
			continue
		}
		for i, source := range list.sources {
			if !everyHost(source) {
				continue
			}
			instead := "name the hosts, set EmbedderPolicy to credentialless, or leave Cross-Origin-Embedder-Policy out with InsecureOmit"
			if embedder == "credentialless" {
				instead = "name the hosts, or leave Cross-Origin-Embedder-Policy out with InsecureOmit"
			}
			faults.AddAt("CSP."+list.path, i, source, "contradicts EmbedderPolicy "+embedder+
				", with which browsers block what a host sends without headers that allow it; "+instead)
		}
	}
}

// defaults returns DefaultSrc if it is used for content that an embedder policy
// blocks: frames only, or any content.
func (c *CSP) defaults(frames bool) []string {
	open := len(c.FrameSrc) == 0 && len(c.ChildSrc) == 0
	if !frames {
		open = open || len(c.ScriptSrc) == 0 || len(c.StyleSrc) == 0 || len(c.ImgSrc) == 0 || len(c.MediaSrc) == 0
	}
	if open {
		return c.DefaultSrc
	}
	return nil
}

// everyHost reports whether a source allows what comes from any host of the
// web. Schemes such as data: and blob: have no host.
func everyHost(source string) bool {
	switch scheme := strings.ToLower(source); scheme {
	case "http:", "https:":
		return true
	default:
		return !isScheme(source) && anybody(source)
	}
}
