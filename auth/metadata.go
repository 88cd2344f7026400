package auth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Metadata describes a protected resource to OAuth clients (RFC 9728 section
// 2). Everybody can read it, so it must not contain a secret.
type Metadata struct {
	// Resource is the identifier of the resource: an https URL without a
	// fragment. It is the audience of the tokens. Required.
	Resource string
	// AuthorizationServers are the issuers whose tokens the service accepts.
	// Each is an https URL. Default: not in the document.
	AuthorizationServers []string
	// JWKSURI is the https URL of the resource's own public keys. Default: not
	// in the document.
	JWKSURI string
	// Scopes are the scopes that requests may need. Default: not in the
	// document.
	Scopes []string
	// Name is the name of the resource, for people. Default: not in the
	// document.
	Name string
	// Documentation is the https URL of a page for developers. Default: not in
	// the document.
	Documentation string
	// PolicyURI is the https URL of a page about the permitted use of the data.
	// Default: not in the document.
	PolicyURI string
	// DPoPAlgorithms are the algorithms of DPoP proofs that the service accepts
	// (RFC 9449). Required with DPoPRequired. Default: not in the document.
	DPoPAlgorithms []string
	// DPoPRequired says that tokens must be bound to a DPoP key. Default:
	// false.
	DPoPRequired bool
	// MutualTLS says that the service accepts tokens that are bound to a
	// certificate (RFC 8705 section 3.3). Default: false.
	MutualTLS bool
}

// MetadataHandler returns a handler that serves m as JSON. Clients may cache
// the document for an hour. Register the handler for GET and HEAD at
// "/.well-known/oauth-protected-resource", and put the URL into
// [Config.ResourceMetadata]. The error joins a *[bulwark.ConfigError] for each
// mistake.
func MetadataHandler(m Metadata) (http.Handler, error) {
	found := fault.In("auth(metadata)")
	check := func(field, value string) {
		if reason := resourceFault(value); reason != "" {
			found.Add(field, address.WithoutUser(value), reason)
		}
	}
	if m.Resource == "" {
		found.Add("Resource", "", "is empty; write the https URL that the tokens have as audience, such as https://api.example.com")
	}
	check("Resource", m.Resource)
	for i, server := range m.AuthorizationServers {
		check(fmt.Sprintf("AuthorizationServers[%d]", i), server)
	}
	check("JWKSURI", m.JWKSURI)
	check("Documentation", m.Documentation)
	check("PolicyURI", m.PolicyURI)
	if m.DPoPRequired && len(m.DPoPAlgorithms) == 0 {
		found.Add("DPoPAlgorithms", "", "is empty, but DPoPRequired is set; name the algorithms of the proofs, such as ES256")
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(m.document())
	if err != nil {
		return nil, fmt.Errorf("auth: encode the metadata: %w", err)
	}
	body = append(body, '\n')
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusMethodNotAllowed, Code: "auth.method_not_allowed",
				Header: http.Header{"Allow": {"GET, HEAD"}}})
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		h.Set("Cache-Control", "public, max-age=3600")
		w.WriteHeader(http.StatusOK)
		if r.Method == http.MethodGet {
			w.Write(body)
		}
	}), nil
}

// document is m under the names of RFC 9728 section 2.
func (m Metadata) document() any {
	return struct {
		Resource             string   `json:"resource"`
		AuthorizationServers []string `json:"authorization_servers,omitempty"`
		JWKSURI              string   `json:"jwks_uri,omitempty"`
		Scopes               []string `json:"scopes_supported,omitempty"`
		Methods              []string `json:"bearer_methods_supported"`
		Name                 string   `json:"resource_name,omitempty"`
		Documentation        string   `json:"resource_documentation,omitempty"`
		PolicyURI            string   `json:"resource_policy_uri,omitempty"`
		Algorithms           []string `json:"dpop_signing_alg_values_supported,omitempty"`
		Required             bool     `json:"dpop_bound_access_tokens_required,omitempty"`
		MutualTLS            bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	}{
		m.Resource, slices.Clone(m.AuthorizationServers), m.JWKSURI, slices.Clone(m.Scopes),
		[]string{"header"}, // never the query string, which ends up in logs
		m.Name, m.Documentation, m.PolicyURI,
		slices.Clone(m.DPoPAlgorithms), m.DPoPRequired, m.MutualTLS,
	}
}

// resourceFault says what is wrong with a URL of the document.
func resourceFault(text string) string {
	if text == "" {
		return ""
	}
	if !printable(text) {
		return "must be an absolute https URL, such as https://api.example.com"
	}
	return address.Fault(text, "without TLS, somebody on the network could change what clients read there")
}
