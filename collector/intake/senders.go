package intake

import (
	"sync"

	"rollbridge/shared/protocol"
)

// maxAtOnce is how many messages of one sender are read at the same time. An
// agent sends one after another; a second and third are of connections that
// died on its side only. Without a bound one school, or who has caught one of
// its attempt headers, could hold all the memory by sending slowly.
const maxAtOnce = 3

// senders counts who is being read now.
type senders struct {
	mu  sync.Mutex
	now map[protocol.Sender]int
}

// enter takes a sender's place, which leave gives back; ok is false when it has
// too many.
func (s *senders) enter(from protocol.Sender) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now[from] >= maxAtOnce {
		return nil, false
	}
	s.now[from]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.now[from]--; s.now[from] == 0 {
			delete(s.now, from)
		}
	}, true
}
