// Package ratelimittest tests a store of limits. It is for authors of a
// [ratelimit.Store], in tests only.
//
// # Threat
//
// A store takes from one cell, and then refuses because of another cell. Or it
// gives back twice. Such a store passes every test that does not look for this
// mistake. A limit on logins with such a store lets too many guesses pass.
//
// # Defence
//
// Call [TestStore] from the tests of your store:
//
//	func TestMyStore(t *testing.T) {
//		ratelimittest.TestStore(t, func(t *testing.T) ratelimit.Store {
//			return newMyStore(t) // a store without cells
//		})
//	}
//
// It executes the rules of [ratelimit.Store] for each algorithm, each rule in a
// subtest. A store that counts by some algorithms only is a
// [ratelimit.PartialStore]: it is tested with those that it lists, and each
// other algorithm has to be an error. The suite itself is tested against stores
// that break one rule each.
//
// # Not covered
//
//   - Several processes. The suite runs in one process against one store.
//   - Outages. The suite does not stop an engine or cut a connection.
//   - Clocks. The suite sets a clock only if the store is a [ClockStepper].
//
// # Errors
//
// A broken rule fails its subtest, which has the name of the rule. The Example
// of TestStore shows the call.
package ratelimittest
