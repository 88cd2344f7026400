package documents

import (
	"slices"

	"github.com/bulwark-go/bulwark"
)

// otherKind is the kind of an event whose name is not in the list.
const otherKind = "_OTHER"

// A family is a group of kinds that the page shows as one plot. The kind of an
// event is its name.
type family struct {
	Name  string
	Kinds []string
}

// families is the closed list of kinds. Counters and filters know these kinds
// and no others, so that nobody can make up a kind.
var families = []family{
	named("Wrong passwords", bulwark.AuthnLoginFail, bulwark.AuthnLoginFailMax),
	named("Bad tokens and keys", bulwark.AuthnTokenInvalid, bulwark.AuthnTokenReuse, bulwark.SessionUseAfterExpire),
	named("Access denied", bulwark.AuthzFail),
	named("Limits exceeded", bulwark.ExcessRateLimitExceeded),
	named("Bad input", bulwark.InputValidationFail),
	named("Attacks", bulwark.MaliciousSQLi, bulwark.MaliciousExtraneous, bulwark.MaliciousAttackTool, bulwark.MaliciousCORS,
		bulwark.MaliciousCSRF, bulwark.MaliciousCSPViolation),
	named("Unusual access", bulwark.AuthnCredentialStuffing, bulwark.AuthnPasswordSpray, bulwark.AuthnImpossibleTravel,
		bulwark.AuthnLoginSuccessAfterFail, bulwark.MaliciousDirectReference, bulwark.MaliciousExcess404),
	named("Logins and sessions", bulwark.AuthnLoginSuccess, bulwark.AuthnTokenCreated, bulwark.AuthnTokenRevoked, bulwark.AuthnKeyStale,
		bulwark.AuthzAdmin, bulwark.AuthzAllow, bulwark.SessionCreated, bulwark.SessionRenewed, bulwark.SessionExpired),
	named("The service itself", bulwark.SysUnavailable, bulwark.SysMonitorDisabled, bulwark.SysMonitorEnabled, bulwark.AuditGap, bulwark.AuthzShadow, otherKind),
}

func named(name string, kinds ...bulwark.EventName) family {
	f := family{Name: name}
	for _, kind := range kinds {
		f.Kinds = append(f.Kinds, string(kind))
	}
	return f
}

// kinds has every kind in the order of the families.
var kinds = func() (all []string) {
	for _, f := range families {
		all = append(all, f.Kinds...)
	}
	return all
}()

// kindOf returns the index of the kind of an event.
var kindOf = func() func(bulwark.EventName) int {
	index := map[string]int{}
	for i, kind := range kinds {
		index[kind] = i
	}
	other := slices.Index(kinds, otherKind)
	return func(name bulwark.EventName) int {
		if i, known := index[string(name)]; known {
			return i
		}
		return other
	}
}()
