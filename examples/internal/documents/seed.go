package documents

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"github.com/bulwark-go/bulwark/auth/apikey"
)

// knownPassword is the password of the seeded accounts if only this machine
// reaches the API.
const knownPassword = "correct horse battery staple"

// Seeds are what Seed has made.
type Seeds struct {
	Password string            // of all accounts
	Keys     map[string]string // by tier
}

// Seed makes an account for each role and an API key for each tier. It writes
// them to out, once, and says how to try them. The password is random unless
// known is true: then only this machine may reach the API.
func (a *App) Seed(ctx context.Context, out io.Writer, known bool) (Seeds, error) {
	password := rand.Text()
	if known {
		password = knownPassword
	}
	seeds := Seeds{password, map[string]string{}}
	fmt.Fprintf(out, "accounts, all with the password %q:\n", password)
	for _, who := range []struct{ name, role string }{{"alice", "user"}, {"mallory", "user"}, {"bob", "moderator"}, {"root", "admin"}} {
		if _, err := a.passwords.add(ctx, who.name+"@example.com", who.name, who.role, password); err != nil {
			return Seeds{}, err
		}
		fmt.Fprintf(out, "  %-20s %s\n", who.name+"@example.com", who.role)
	}
	fmt.Fprintln(out, "API keys, by tier:")
	for _, tier := range []string{"default", "premium", "enterprise"} {
		made, err := a.keys.Issue(ctx, apikey.Grant{Name: "seeded " + tier, Tier: tier, Roles: []string{"user"}})
		if err != nil {
			return Seeds{}, err
		}
		fmt.Fprintf(out, "  %-11s %s\n", tier, made.Key)
		seeds.Keys[tier] = made.Key
	}
	hint(out, a.config.BaseURL, password, seeds.Keys["default"])
	return seeds, nil
}

// hint says how to try the API, with lines for a shell. The lines keep the
// password, the token and the key in variables.
func hint(out io.Writer, url, password, key string) {
	curl := "curl -s"
	if strings.HasPrefix(url, "https:") {
		curl = "curl -sk" // the certificate is made for this run
	}
	fmt.Fprintf(out, `try it in a browser at %[2]s/ or paste these lines into a shell, one after the other.
root sees at %[2]s/admin/activity what is refused and who is logged in, can end sessions and keys, and can try to break it; log in first.
alice logs in; her token lasts 15 minutes:
  PASSWORD='%[3]s'; TOKEN=$(%[1]s %[2]s/api/auth/login -H 'Content-Type: application/json' -d '{"email":"alice@example.com","password":"'"$PASSWORD"'"}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
alice makes a document, which she, the moderator and the admin can read:
  %[1]s %[2]s/documents -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"title":"Hello","content":"<p>Hi</p>"}'
a key is a caller of its own and lists its own documents: none so far, and not those of alice:
  KEY='%[4]s'; %[1]s %[2]s/documents -H "Authorization: ApiKey $KEY"
`, curl, url, password, key)
}
