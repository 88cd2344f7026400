package jose

import "math/big"

// isROCA reports whether an RSA modulus is from the generator of
// CVE-2017-15361, whose keys can be factored. Each of its primes is k·M +
// 65537^a mod M, where M is the product of the first primes: the modulus too is
// then a power of 65537 modulo each of these (Nemec et al., "The Return of
// Coppersmith's Attack", section 2.3). Moduli of 1984 bits and more have the
// primes up to 701 in M; of 2^150 others not one is a power in all of them.
func isROCA(modulus *big.Int) bool {
	const last = 701
	for p := uint64(3); p <= last; p += 2 {
		if !isPrime(p) {
			continue
		}
		residue := new(big.Int).Mod(modulus, new(big.Int).SetUint64(p)).Uint64()
		if !isPower(residue, p) {
			return false
		}
	}
	return true
}

// isPower reports whether residue is a power of 65537 modulo p.
func isPower(residue, p uint64) bool {
	power := uint64(1)
	for range p {
		if power == residue {
			return true
		}
		power = power * 65537 % p
	}
	return false
}

func isPrime(odd uint64) bool {
	for d := uint64(3); d*d <= odd; d += 2 {
		if odd%d == 0 {
			return false
		}
	}
	return true
}
