package tds

import (
	"encoding/binary"
)

// Flags of LOGIN7 (MS-TDS 2.2.6.4).
const (
	loginHeaderBytes     = 94
	loginWindows         = 0x80 // OptionFlags2
	loginReadOnly        = 0x20 // TypeFlags
	loginExtension       = 0x10 // OptionFlags3
	loginChangesPassword = 0x01 // OptionFlags3
)

// Versions of TDS as LOGIN7 and LOGINACK name them.
const (
	version74 = 0x74000004
	version80 = 0x08000000
)

// hello is a LOGIN7 message.
type hello struct {
	Login
	version    uint32
	packetSize int
	token      []byte // the first of SSPI
	features   bool
	// changesPassword and federated are refused.
	changesPassword, federated bool
}

// parseLogin reads LOGIN7.
func parseLogin(body []byte) (hello, error) {
	if len(body) < loginHeaderBytes {
		return hello{}, broken("LOGIN7 of %d bytes", len(body))
	}
	if stated := binary.LittleEndian.Uint32(body); uint64(stated) != uint64(len(body)) {
		return hello{}, broken("LOGIN7 says it has %d bytes and has %d", stated, len(body))
	}
	fixed := cursor{rest: body[4:]}
	h := hello{version: fixed.u32(), packetSize: int(min(fixed.u32(), maxPacket))}
	fixed.take(12) // program version, process, connection
	fixed.u8()     // OptionFlags1
	h.Windows = fixed.u8()&loginWindows != 0
	h.ReadOnly = fixed.u8()&loginReadOnly != 0
	flags3 := fixed.u8()
	h.changesPassword = flags3&loginChangesPassword != 0
	fixed.take(8) // time zone, language of the client
	fields := loginFields{body: body, at: fixed}
	h.Host = fields.text()
	h.User = fields.text()
	h.Password = plain(fields.bytes(2))
	h.App = fields.text()
	fields.text() // server
	extension := fields.bytes(1)
	fields.text() // client library
	fields.text() // language
	h.Database = fields.text()
	fields.at.take(6) // network address
	h.token = fields.bytes(1)
	fields.text()   // database file to attach
	fields.bytes(2) // new password
	if long := fields.at.u32(); long != 0 && !fields.bad {
		return hello{}, broken("LOGIN7 with a security token of %d bytes", long)
	}
	if fields.bad || fields.at.bad {
		return hello{}, broken("a field of LOGIN7 lies outside it")
	}
	if flags3&loginExtension != 0 {
		if err := h.extensions(body, extension); err != nil {
			return hello{}, err
		}
	}
	return h, nil
}

// loginFields reads the offsets and lengths of LOGIN7's fields one by one.
type loginFields struct {
	body []byte
	at   cursor
	bad  bool
}

// bytes is the next field, its length counted in units of so many bytes.
func (f *loginFields) bytes(unit int) []byte {
	offset := int(f.at.u16())
	length := int(f.at.u16()) * unit
	if length == 0 {
		return nil
	}
	if offset < loginHeaderBytes || offset+length > len(f.body) {
		f.bad = true
		return nil
	}
	return f.body[offset : offset+length]
}

func (f *loginFields) text() string { return fromUTF16(f.bytes(2)) }

// plain undoes what LOGIN7 does to a password: each byte's halves exchanged,
// then all XORed with A5.
func plain(b []byte) string {
	clear := make([]byte, len(b))
	for i, x := range b {
		x ^= 0xA5
		clear[i] = x<<4 | x>>4
	}
	return fromUTF16(clear)
}

// featureFederated is the extension that signs on with a token of Entra ID.
const featureFederated = 0x02

// extensions reads which features the client can do. None is taken up, so the
// answer is an empty list; federated sign-on is refused.
func (h *hello) extensions(body, place []byte) error {
	if len(place) != 4 {
		return broken("LOGIN7 with a place of extensions of %d bytes", len(place))
	}
	offset := binary.LittleEndian.Uint32(place)
	if offset < loginHeaderBytes || uint64(offset) >= uint64(len(body)) {
		return broken("the extensions of LOGIN7 lie outside it")
	}
	c := cursor{rest: body[offset:]}
	for {
		id := c.u8()
		if id == 0xFF {
			h.features = true
			return nil
		}
		length := c.u32()
		if c.bad || uint64(length) > uint64(len(c.rest)) {
			return broken("the extensions of LOGIN7 do not end")
		}
		c.take(int(length))
		h.federated = h.federated || id == featureFederated
	}
}
