package fault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// A Realm is a Kerberos domain (RFC 4120) with a controller on loopback, one
// user and one service: the proxy at localhost.
type Realm struct {
	Name     string
	listener net.Listener
	user     string
	users    *keytab.Keytab
	proxy    *keytab.Keytab
	tickets  *keytab.Keytab // of the controller itself
	life     time.Duration

	mu     sync.Mutex
	failed int
}

const (
	aes256 = etypeID.AES256_CTS_HMAC_SHA1_96
	// ProxyService is the one service that the realm knows.
	ProxyService = "HTTP/localhost"
)

// NewRealm starts a controller that knows one user.
func NewRealm(name, user, password string) (*Realm, error) {
	r := &Realm{Name: name, user: user, users: keytab.New(), proxy: keytab.New(), tickets: keytab.New(), life: time.Hour}
	now := time.Now()
	err := errors.Join(
		r.users.AddEntry(user, name, password, now, 1, aes256),
		r.proxy.AddEntry(ProxyService, name, "of the proxy", now, 1, aes256),
		r.tickets.AddEntry("krbtgt/"+name, name, "of the controller", now, 1, aes256))
	if err != nil {
		return nil, fmt.Errorf("make keys of a realm: %w", err)
	}
	if r.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("open a domain controller: %w", err)
	}
	go r.serve()
	return r, nil
}

// Close ends the controller.
func (r *Realm) Close() error { return r.listener.Close() }

// Failed is how many sign-ins came with a wrong password.
func (r *Realm) Failed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// WriteConfig writes a krb5.conf that names the controller.
func (r *Realm) WriteConfig(file string) error {
	text := fmt.Sprintf("[libdefaults]\n default_realm = %[1]s\n udp_preference_limit = 1\n\n[realms]\n %[1]s = {\n  kdc = %[2]s\n }\n", r.Name, r.listener.Addr())
	return os.WriteFile(file, []byte(text), 0o600)
}

// WriteKeytab writes the user's key.
func (r *Realm) WriteKeytab(file string) error {
	data, err := r.users.Marshal()
	if err != nil {
		return fmt.Errorf("write a keytab: %w", err)
	}
	return os.WriteFile(file, data, 0o600)
}

// WriteCache writes a cache with the user's first ticket, good for so long.
func (r *Realm) WriteCache(file string, life time.Duration) error {
	client := types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, r.user)
	from := time.Now().Add(-2 * time.Hour)
	until := time.Now().Add(life)
	ticket, key, err := messages.NewTicket(client, r.Name, r.controller(), r.Name, types.NewKrbFlags(), r.tickets, aes256, 1, from, from, until, until)
	if err != nil {
		return err
	}
	sealed, err := ticket.Marshal()
	if err != nil {
		return err
	}
	c := cache{5, 4, 0, 0}
	c.principal(client, r.Name)
	c.principal(client, r.Name)
	c.principal(r.controller(), r.Name)
	c = binary.BigEndian.AppendUint16(c, uint16(aes256))
	c.data(key.KeyValue)
	for _, t := range []time.Time{from, from, until, until} {
		c.number(uint32(t.Unix()))
	}
	c = append(c, 0) // no session key of another ticket
	c.number(0)      // flags
	c.number(0)      // addresses
	c.number(0)      // authorization data
	c.data(sealed)
	c.data(nil) // second ticket
	return os.WriteFile(file, c, 0o600)
}

// A cache is a file of tickets, version 4 of MIT's format.
type cache []byte

func (c *cache) number(n uint32) { *c = binary.BigEndian.AppendUint32(*c, n) }

func (c *cache) data(b []byte) {
	c.number(uint32(len(b)))
	*c = append(*c, b...)
}

func (c *cache) principal(p types.PrincipalName, realm string) {
	c.number(uint32(p.NameType))
	c.number(uint32(len(p.NameString)))
	c.data([]byte(realm))
	for _, part := range p.NameString {
		c.data([]byte(part))
	}
}

func (r *Realm) controller() types.PrincipalName {
	return types.NewPrincipalName(nametype.KRB_NT_SRV_INST, "krbtgt/"+r.Name)
}

func (r *Realm) serve() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			var size uint32
			if binary.Read(conn, binary.BigEndian, &size) != nil || size > 1<<16 {
				return
			}
			request := make([]byte, size)
			if _, err := io.ReadFull(conn, request); err != nil {
				return
			}
			answer := r.answer(request)
			_, _ = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...))
		}()
	}
}

func (r *Realm) answer(request []byte) []byte {
	var (
		first  messages.ASReq
		second messages.TGSReq
		data   []byte
		err    error
	)
	switch {
	case first.Unmarshal(request) == nil:
		data, err = r.signIn(first)
	case second.Unmarshal(request) == nil:
		data, err = r.service(second)
	default:
		err = errors.New("neither AS-REQ nor TGS-REQ")
	}
	if err == nil {
		return data
	}
	refusal, ok := errors.AsType[messages.KRBError](err)
	if !ok {
		refusal = r.refuse(errorcode.KRB_ERR_GENERIC)
	}
	data, _ = refusal.Marshal()
	return data
}

func (r *Realm) refuse(code int32) messages.KRBError {
	return messages.NewKRBError(r.controller(), r.Name, code, "")
}

// signIn answers an AS-REQ: it asks for a proof of the password and then gives
// the first ticket (RFC 4120, section 3.1).
func (r *Realm) signIn(q messages.ASReq) ([]byte, error) {
	client := q.ReqBody.CName
	key, _, err := r.users.GetEncryptionKey(client, r.Name, 1, aes256)
	if err != nil {
		return nil, r.refuse(errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN)
	}
	proof, given := types.PAData{}, false
	for _, pa := range q.PAData {
		if pa.PADataType == patype.PA_ENC_TIMESTAMP {
			proof, given = pa, true
		}
	}
	if !given {
		return nil, r.askForProof(client)
	}
	var sealed types.EncryptedData
	if err := sealed.Unmarshal(proof.PADataValue); err != nil {
		return nil, err
	}
	if _, err := crypto.DecryptEncPart(sealed, key, keyusage.AS_REQ_PA_ENC_TIMESTAMP); err != nil {
		r.mu.Lock()
		r.failed++
		r.mu.Unlock()
		return nil, r.refuse(errorcode.KDC_ERR_PREAUTH_FAILED)
	}
	fields, err := r.give(grant{client: client, service: r.controller(), keys: r.tickets, nonce: q.ReqBody.Nonce,
		key: key, usage: keyusage.AS_REP_ENCPART, kind: msgtype.KRB_AS_REP})
	if err != nil {
		return nil, err
	}
	return (&messages.ASRep{KDCRepFields: fields}).Marshal()
}

func (r *Realm) askForProof(client types.PrincipalName) error {
	info, err := asn1.Marshal(types.ETypeInfo2{{EType: aes256, Salt: client.GetSalt(r.Name)}})
	if err != nil {
		return err
	}
	list, err := asn1.Marshal(types.PADataSequence{{PADataType: patype.PA_ETYPE_INFO2, PADataValue: info}})
	if err != nil {
		return err
	}
	refusal := r.refuse(errorcode.KDC_ERR_PREAUTH_REQUIRED)
	refusal.EData, refusal.CName, refusal.CRealm = list, client, r.Name
	return refusal
}

// service answers a TGS-REQ with a ticket for the proxy (section 3.3).
func (r *Realm) service(q messages.TGSReq) ([]byte, error) {
	var shown messages.APReq
	for _, pa := range q.PAData {
		if pa.PADataType == patype.PA_TGS_REQ {
			if err := shown.Unmarshal(pa.PADataValue); err != nil {
				return nil, err
			}
		}
	}
	controller := r.controller()
	if err := shown.Ticket.DecryptEncPart(r.tickets, &controller); err != nil {
		return nil, err
	}
	inside := shown.Ticket.DecryptedEncPart
	if time.Now().After(inside.EndTime) {
		return nil, r.refuse(errorcode.KRB_AP_ERR_TKT_EXPIRED)
	}
	if q.ReqBody.SName.PrincipalNameString() != ProxyService {
		return nil, r.refuse(errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN)
	}
	fields, err := r.give(grant{client: inside.CName, service: q.ReqBody.SName, keys: r.proxy, nonce: q.ReqBody.Nonce,
		key: inside.Key, usage: keyusage.TGS_REP_ENCPART_SESSION_KEY, kind: msgtype.KRB_TGS_REP})
	if err != nil {
		return nil, err
	}
	return (&messages.TGSRep{KDCRepFields: fields}).Marshal()
}

// A grant is a ticket to be given.
type grant struct {
	client, service types.PrincipalName
	keys            *keytab.Keytab // what the ticket is sealed with
	nonce           int
	key             types.EncryptionKey // what the answer is sealed with
	usage           uint32
	kind            int
}

func (r *Realm) give(g grant) (messages.KDCRepFields, error) {
	now := time.Now().UTC().Truncate(time.Second)
	until := now.Add(r.life)
	ticket, session, err := messages.NewTicket(g.client, r.Name, g.service, r.Name, types.NewKrbFlags(), g.keys, aes256, 1, now, now, until, until)
	if err != nil {
		return messages.KDCRepFields{}, err
	}
	inner := messages.EncKDCRepPart{Key: session, LastReqs: []messages.LastReq{{LRValue: now}}, Nonce: g.nonce, Flags: types.NewKrbFlags(),
		AuthTime: now, StartTime: now, EndTime: until, RenewTill: until, SRealm: r.Name, SName: g.service}
	data, err := inner.Marshal()
	if err != nil {
		return messages.KDCRepFields{}, err
	}
	sealed, err := crypto.GetEncryptedData(data, g.key, g.usage, 1)
	return messages.KDCRepFields{PVNO: iana.PVNO, MsgType: g.kind, CRealm: r.Name, CName: g.client, Ticket: ticket, EncPart: sealed}, err
}
