package cloud

import "crypto/rand"

// Tokens are the bearer tokens of a double. The zero value has none. Use them
// from the handler only, and from Server.Change.
type Tokens struct{ good map[string]bool }

// Issue is a new token.
func (t *Tokens) Issue() string {
	if t.good == nil {
		t.good = map[string]bool{}
	}
	token := rand.Text()
	t.good[token] = true
	return token
}

// Good reports whether the token was issued and has not ended.
func (t *Tokens) Good(token string) bool { return t.good[token] }

// Expire ends every token.
func (t *Tokens) Expire() { t.good = nil }
