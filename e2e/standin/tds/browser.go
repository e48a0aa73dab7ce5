package tds

// A Browser answers as SQL Server Browser does (UDP 1434, MC-SQLR): which TCP
// port an instance listens at.
type Browser struct{}

// ListenBrowser answers at a UDP address for instances, by name with their TCP port.
func ListenBrowser(addr string, instances map[string]int) (*Browser, error) { return nil, errNotYet }

// Addr is the address that it listens at.
func (b *Browser) Addr() string { return "" }

// Set changes an instance's port; 0 takes the instance away.
func (b *Browser) Set(instance string, port int) {}

// Close stops it. It may be called twice.
func (b *Browser) Close() error { return nil }
