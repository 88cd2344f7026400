package documents

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"

	"github.com/bulwark-go/bulwark/auth/apikey"
)

// knownPassword is that of the seeded accounts where only this machine can use
// it.
const knownPassword = "correct horse battery staple"

// Seed makes an account for each role and an API key for each tier, and says on
// out what they are, this once. The password is well known only where local
// says that nobody but this machine reaches the API.
func (a *App) Seed(ctx context.Context, out io.Writer, local bool) error {
	password := knownPassword
	if !local {
		password = rand.Text()
	}
	fmt.Fprintf(out, "accounts, all with the password %q:\n", password)
	for _, who := range []struct{ name, role string }{{"alice", "user"}, {"mallory", "user"}, {"bob", "moderator"}, {"root", "admin"}} {
		if _, err := a.accounts.add(ctx, who.name+"@example.com", who.name, who.role, password); err != nil {
			return err
		}
		fmt.Fprintf(out, "  %-20s %s\n", who.name+"@example.com", who.role)
	}
	fmt.Fprintln(out, "API keys, by tier:")
	for _, tier := range []string{"default", "premium", "enterprise"} {
		made, err := a.keys.Issue(ctx, apikey.Grant{Name: "seeded " + tier, Tier: tier, Roles: []string{"user"}})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %-11s %s\n", tier, made.Key)
	}
	return nil
}
