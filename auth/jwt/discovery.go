package jwt

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Discover returns the keys of an issuer. It finds them by the metadata of the
// issuer (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3). The
// issuer is the exact iss of the tokens. It must be https; loopback may be
// http. [New] refuses keys of an issuer other than [Config.Issuer].
//
// The metadata is looked for in two places:
//
//  1. beneath the issuer, at /.well-known/openid-configuration;
//  2. between the host and the path of the issuer, at
//     /.well-known/oauth-authorization-server, if the first place does not
//     answer with a JSON object. An answer of 5xx from the first place ends the
//     search.
//
// The issuer in the metadata must be exactly the issuer given here. The
// metadata of another issuer would bring the keys of another issuer.
//
// The issuer may be the template of all tenants of Microsoft Entra ID, such as
// "https://login.microsoftonline.com/{tenantid}/v2.0". The metadata is then the
// metadata for "common", and the issuer in it must be exactly this template.
// The keys are for the [IssuersConfig.Template] of many tenants, or for the
// Configs of single tenants, which share the keys. A token must then name its
// tenant in tid as in iss. The member "issuer" of the key must be the template,
// or the iss of the token. A key without this member is not used.
//
// The jwks_uri is used for 1 hour. It is looked up again earlier if the keys
// cannot be fetched from it. The bounds of c hold for the metadata and for the
// keys. The Timeout bounds both fetches together. Everything else is as with
// [RemoteKeys].
func Discover(issuer string, c RemoteConfig) KeySource {
	found := fault.In("jwt.Keys")
	r := newRemote(c, found)
	reason := r.state.fetcher.fault(issuer)
	if reason == "" && strings.Contains(issuer, "?") {
		reason = "must not have a query (RFC 8414 section 2); give the iss of the tokens"
	}
	var t template
	if reason == "" && isTemplate(issuer) {
		t, reason = newTemplate(issuer)
	}
	if reason != "" {
		found.Add("Issuer", address.WithoutUser(issuer), reason)
	}
	r.err, r.issuer, r.template = found.Err(), issuer, t
	r.made = newMaking("Discover", issuer, c)
	r.state.fetcher.issuer = &discovery{name: issuer}
	return r
}

// discoveryTime is how long the URL of the keys is used before it is looked up
// again.
const discoveryTime = time.Hour

// discovery finds out where an issuer's keys are. One fetch at a time uses it.
type discovery struct {
	name  string
	known string // the jwks_uri, empty while unknown
	asked time.Time
}

// forget is for what was known before a time. What was asked for since then
// would be the same again, and asking takes its time from the fetch of the
// keys.
func (d *discovery) forget(before time.Time) {
	if d.asked.Before(before) {
		d.known = ""
	}
}

// keysURL returns where the keys are.
func (d *discovery) keysURL(ctx context.Context, f *fetcher) (string, error) {
	if d.known != "" && !cache.Passed(time.Now(), d.asked.Add(discoveryTime)) {
		return d.known, nil
	}
	d.known = ""
	metadata, err := d.metadata(ctx, f)
	if err != nil {
		return "", err
	}
	known, err := d.read(metadata, f)
	if err != nil {
		return "", err
	}
	d.known, d.asked = known, time.Now()
	return known, nil
}

// metadata returns the first document that is a JSON object. Another answer,
// such as the page that a server shows for every path that it does not know, is
// a miss as 4xx is. A JSON object that cannot be read strictly is not a miss:
// somebody has written it there.
func (d *discovery) metadata(ctx context.Context, f *fetcher) (map[string]any, error) {
	var missed error
	for _, place := range d.places() {
		body, _, err := f.get(ctx, place, "application/json")
		var status statusError
		var long tooLongError
		switch {
		case errors.As(err, &status) && status < http.StatusInternalServerError:
			missed = cmp.Or(missed, err)
		case err != nil && !errors.As(err, &long):
			return nil, err
		case !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")):
			missed = cmp.Or(missed, errNoMetadata)
		case err != nil:
			return nil, err
		default:
			value, err := jsondoc.DecodeValue(body, jsondoc.Limits{Bytes: len(body), Depth: 16})
			if err != nil {
				return nil, fmt.Errorf("the metadata is not strict JSON: %w", err)
			}
			metadata, _ := value.(map[string]any)
			return metadata, nil
		}
	}
	return nil, missed
}

var errNoMetadata = errors.New("the answer is not a JSON object")

// places are the URLs of the metadata, in the order in which they are tried.
func (d *discovery) places() []string {
	u, err := url.Parse(strings.Replace(d.name, tenantPlace, commonTenant, 1))
	if err != nil {
		return nil // refused by New
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	host := u.Scheme + "://" + u.Host
	return []string{host + path + "/.well-known/openid-configuration", host + "/.well-known/oauth-authorization-server" + path}
}

// read returns the jwks_uri of metadata that is this issuer's.
func (d *discovery) read(metadata map[string]any, f *fetcher) (string, error) {
	if metadata["issuer"] != d.name {
		return "", errors.New("the metadata is of another issuer than the one given to jwt.Discover; both must be equal to the letter, with or without a slash at the end")
	}
	keys, ok := metadata["jwks_uri"].(string)
	if !ok {
		return "", errors.New("the metadata has no jwks_uri")
	}
	if reason := f.fault(keys); reason != "" {
		return "", errors.New("the jwks_uri of the metadata " + reason)
	}
	if isEncrypted(d.name) && !isEncrypted(keys) {
		return "", errors.New("the jwks_uri of the metadata leads away from https")
	}
	return keys, nil
}

// isEncrypted reports whether the scheme is https, whose case does not matter
// (RFC 3986 section 3.1).
func isEncrypted(address string) bool {
	scheme, _, _ := strings.Cut(address, ":")
	return strings.EqualFold(scheme, "https")
}
