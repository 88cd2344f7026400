package traffic

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// An Attack is one way to attack the service.
type Attack struct {
	Name string
	// Says describes the attack at its usual pace.
	Says string
	// Every is the usual time between two requests of one source, and Slow the
	// time of the attacker who knows the threshold. Slow is the time from one
	// login to the next one where an attack has several requests for a login.
	Every, Slow time.Duration
	// SlowSays describes how the slow attacker differs.
	SlowSays string
	make     func(*campaign)
}

// Attacks are all attacks. An attack begins between the fifth and the fifteenth
// minute, and goes on to the end of the scenario or of its list.
var Attacks = []Attack{
	{"brute_force", "one address guesses the password of one account", time.Second, 11 * time.Second,
		"a guess each 11 seconds", bruteForce},
	{"stuffing_one", "one address tries the leaked passwords of 600 accounts; one in 200 is right", time.Second, 76 * time.Second,
		"an account each 76 seconds: 4 in 5 minutes", stuffing(1)},
	{"stuffing_hundred", "a hundred addresses try the leaked passwords of 600 accounts", 20 * time.Second, 76 * time.Second,
		"each address tries an account each 76 seconds", stuffing(100)},
	{"spraying", "20 addresses try one password at 400 accounts, each account once", 10 * time.Second, 76 * time.Second,
		"each address tries an account each 76 seconds", spraying},
	{"distributed_guessing", "200 addresses guess the password of one account, a guess each", 10 * time.Second, 401 * time.Second,
		"a guess each 401 seconds: 9 in an hour", distributedGuessing},
	{"guessed", "20 accounts, each from an address of its own: the fifth guess is right", 30 * time.Second, 60 * time.Second,
		"the third guess is right, so that 2 failures precede it", guessed},
	{"enumeration_up", "a caller asks for documents of others, the ids one after the other", 500 * time.Millisecond, 34 * time.Second,
		"an id each 34 seconds: 9 in 5 minutes, and a gap after 5 ids", enumeration(up)},
	{"enumeration_down", "the same, downwards", 500 * time.Millisecond, 34 * time.Second,
		"the same, downwards", enumeration(down)},
	{"enumeration_random", "the same, in a random order", 500 * time.Millisecond, 34 * time.Second,
		"an id each 34 seconds", enumeration(anyhow)},
	{"probing", "one address asks for paths that a weak service would have", 500 * time.Millisecond, 11 * time.Second,
		"a path each 11 seconds", probing},
}

// Named returns the attack of that name.
func Named(name string) (Attack, bool) {
	i := slices.IndexFunc(Attacks, func(a Attack) bool { return a.Name == name })
	if i < 0 {
		return Attack{}, false
	}
	return Attacks[i], true
}

// A campaign is one attack while it is made.
type campaign struct {
	random     *rand.Rand
	name       string
	begin, end time.Duration
	every      time.Duration
	slow       bool
	actions    []action
}

// attack returns all actions of the attack in the order of time.
func (s Scenario) attack(random *rand.Rand) []action {
	a, ok := Named(s.Attack)
	if !ok {
		return nil
	}
	c := &campaign{random: random, name: a.Name, slow: s.Slow, end: s.Length, every: a.Every,
		begin: 5*time.Minute + time.Duration(random.Int64N(int64(10*time.Minute)))}
	if s.Slow {
		c.every = a.Slow
	}
	c.every = cmp.Or(s.Every, c.every)
	a.make(c)
	slices.SortStableFunc(c.actions, func(a, b action) int { return cmp.Compare(a.at, b.at) })
	return c.actions
}

// source is the attacker's address number i.
func (c *campaign) source(i int) *source {
	return &source{kind: c.name, attack: true, name: fmt.Sprint(c.name, "-", i), addr: netip.AddrFrom4([4]byte{203, 0, byte(113 + i>>8), byte(i)})}
}

func (c *campaign) do(a action) {
	if a.at < c.end {
		c.actions = append(c.actions, a)
	}
}

func bruteForce(c *campaign) {
	by := c.source(0)
	for i := range 3000 {
		c.do(by.wrong(c.begin+time.Duration(i)*c.every, email(17)))
	}
}

// stuffing shares 600 accounts among the addresses.
func stuffing(addresses int) func(*campaign) {
	return func(c *campaign) {
		for i := range addresses {
			by := c.source(i)
			at := c.begin + time.Duration(c.random.Int64N(int64(c.every)))
			for account := i; account < 600; account += addresses {
				name := fmt.Sprintf("leaked%d@example.com", account)
				if c.random.IntN(200) == 0 {
					c.do(by.right(at, name, fmt.Sprint("leaked-", account)))
				} else {
					c.do(by.wrong(at, name))
				}
				at += c.every
			}
		}
	}
}

func spraying(c *campaign) {
	const addresses = 20
	for i := range addresses {
		by := c.source(i)
		at := c.begin + time.Duration(c.random.Int64N(int64(c.every)))
		for account := i; account < 400; account += addresses {
			c.do(by.wrong(at, email(account)))
			at += c.every
		}
	}
}

func distributedGuessing(c *campaign) {
	for i := range 200 {
		c.do(c.source(i).wrong(c.begin+time.Duration(i)*c.every, email(17)))
	}
}

func guessed(c *campaign) {
	failures := 4
	if c.slow {
		failures = 2
	}
	for i := range 20 {
		by, at := c.source(i), c.begin+time.Duration(i)*time.Minute
		for range failures {
			c.do(by.wrong(at, email(1000+i)))
			at += c.every
		}
		c.do(by.right(at, email(1000+i), subject(1000+i)))
	}
}

const (
	up     = 1
	down   = -1
	anyhow = 0
)

// enumeration asks for ids. A tenth of them may be read.
func enumeration(direction int) func(*campaign) {
	return func(c *campaign) {
		by := c.source(0).caller("u-31337", "session")
		id := 500_000
		for i := range 3000 {
			switch {
			case direction == anyhow:
				id = 1 + c.random.IntN(1_000_000)
			case c.slow && i%5 == 4: // six in a row would be too many
				id += 3 * direction
			default:
				id += direction
			}
			at := c.begin + time.Duration(i)*c.every
			if c.random.IntN(10) == 0 {
				c.do(by.read(at, id))
				continue
			}
			c.do(by.foreign(at, id))
		}
	}
}

var weakPaths = []string{"/.env", "/.git/config", "/.aws/credentials", "/wp-login.php", "/wp-admin/", "/xmlrpc.php", "/phpmyadmin/",
	"/admin/", "/administrator/", "/server-status", "/actuator/env", "/actuator/heapdump", "/console/", "/backup.zip", "/db.sql",
	"/config.json", "/debug/pprof/", "/cgi-bin/test", "/api/v1/users", "/graphql", "/swagger.json", "/vendor/phpunit/"}

func probing(c *campaign) {
	by := c.source(0)
	for i := range 3000 {
		path := weakPaths[i%len(weakPaths)]
		if round := i / len(weakPaths); round > 0 {
			path = fmt.Sprint("/old", round, path)
		}
		c.do(by.nowhere(c.begin+time.Duration(i)*c.every, path))
	}
}
