// What a storefront does with its own client, from registration to sign-out. medusa-js.t installs the client beside this
// file and runs it: node shopper.mjs URL TAG. Prints JSON lines: { test, ok, got, want }, { ask } (answered by one line of
// JSON on stdin) and at the end { done: number of tests }.
//
// Cookies: the client sets withCredentials and leaves them to the browser. Node keeps none; so each Shopper has a jar, in
// an axios adapter (`axiosAdapter` is an option of the client) around axios's own. The adapter also notes what was sent and
// answered, each retry by itself. browser.t does without all that, in a real browser.
import { createInterface } from "node:readline"
import { isDeepStrictEqual } from "node:util"
import Medusa from "@medusajs/medusa-js"
import httpAdapter from "axios/lib/adapters/http.js"

const [baseUrl, tag] = process.argv.slice(2)
const PASSWORD = "a shopper's secret", OTHER_PASSWORD = "quite another one"
const PATIENCE = 80_000 // ms for all of it; a server that does not answer must not hang the tests

setTimeout(() => {
  console.error("the server took too long")
  process.exit(1)
}, PATIENCE).unref()

// ---- telling medusa-js.t ----

let tests = 0
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

function tell(value) {
  process.stdout.write(JSON.stringify(value) + "\n")
}

async function ask(what) {
  tell({ ask: what })
  return JSON.parse((await answers.next()).value)
}

function report(ok, got, want, test) {
  tests++
  tell({ test, ok, got: JSON.stringify(got) ?? "undefined", want: String(want) })
}

function is(got, want, test) {
  report(isDeepStrictEqual(got, want), got, JSON.stringify(want), test)
}

function like(got, regex, test) {
  report(typeof got === "string" && regex.test(got), got, regex, test)
}

// ---- a shopper ----

class Shopper {
  constructor(options = {}) {
    this.jar = new Map()
    this.wire = [] // what went over it: { method, url, headers, body, status, answerHeaders }
    this.afterAttempt = async () => {}
    this.medusa = new Medusa({ baseUrl, maxRetries: 0, axiosAdapter: config => this.send(config), ...options })
  }

  async send(config) {
    const headers = { ...config.headers }
    delete headers.Cookie // a retry comes with that of the first try
    if (this.jar.size) headers.Cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join("; ")
    let failure
    const response = await httpAdapter({ ...config, headers }).catch(error => {
      failure = error
      return error.response
    })
    const { method, url, data: body } = config
    this.wire.push({ method, url, headers, body, status: response?.status, answerHeaders: response?.headers })
    this.keepCookies(response?.headers["set-cookie"] ?? [])
    await this.afterAttempt(response)
    if (failure) throw failure
    return response
  }

  keepCookies(lines) {
    for (const line of lines) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      if (/;\s*Max-Age=0\b/i.test(line)) this.jar.delete(name)
      else this.jar.set(name, value)
    }
  }

  get last() {
    return this.wire[this.wire.length - 1]
  }
}

// How a call failed, as the client reports it: an error of axios.
async function refusal(promise) {
  try {
    await promise
  } catch (error) {
    return { status: error.response?.status, data: error.response?.data, message: error.message }
  }
  return { status: "no error" }
}

const me = shopper => shopper.medusa.customers.retrieve().then(({ customer }) => customer)
const statusOfMe = shopper => me(shopper).then(() => 200, error => error.response?.status)

// ---- the chapters ----

const email = `${tag}@shop.example`
const ada = new Shopper()

async function registration() {
  is((await ada.medusa.auth.exists(email)).exists, false, "exists: not yet")
  const { customer, response } = await ada.medusa.customers.create(
    { email: email.toUpperCase(), password: PASSWORD, first_name: "Ada", last_name: "Lovelace", phone: "+44 1" })
  is(response.status, 200, "create: 200")
  like(customer.id, /^cus_[0-9A-HJKMNP-TV-Z]{26}$/, "create: an id")
  is([customer.email, customer.first_name, customer.last_name, customer.phone, customer.has_account],
    [email, "Ada", "Lovelace", "+44 1", true], "create: what was sent")
  is([customer.billing_address, customer.shipping_addresses, customer.metadata], [null, [], null], "create: the rest")
  is("password_hash" in customer, false, "create: no hash")
  is(ada.last.headers["Idempotency-Key"], undefined, "create: no Idempotency-Key while retries are off")
  is([...ada.jar.keys()], ["connect.sid"], "create: signs in by cookie")
  is(await me(ada), customer, "retrieve: the same customer")
  is((await ada.medusa.auth.exists(email)).exists, true, "exists: now")
  is(await statusOfMe(new Shopper()), 401, "retrieve: nothing without the cookie")
  return customer
}

async function sessions(customer) {
  const first = ada.jar.get("connect.sid")
  const out = await ada.medusa.auth.deleteSession()
  is(out.response.status, 200, "deleteSession: 200")
  is(ada.jar.size, 0, "deleteSession: the cookie is gone")
  ada.jar.set("connect.sid", first)
  is(await statusOfMe(ada), 401, "deleteSession: and of no use any more")
  const { customer: found } = await ada.medusa.auth.authenticate({ email, password: PASSWORD })
  is([found.id, found.orders, found.shipping_addresses], [customer.id, [], []], "authenticate: the customer, with orders")
  is(ada.jar.get("connect.sid") !== first, true, "authenticate: a new cookie")
  is((await ada.medusa.auth.getSession()).customer.id, customer.id, "getSession: the customer")
  is(await refusal(new Shopper().medusa.auth.getSession()),
    { status: 401, data: "Unauthorized", message: "Request failed with status code 401" }, "getSession: refused to a stranger")
}

// The client keeps the token of getToken where there is a window, and sends it from then on.
async function tokens(customer) {
  const server = new Shopper()
  const { access_token: token } = await server.medusa.auth.getToken({ email, password: PASSWORD })
  like(token, /^[\w-]+\.[\w-]+\.[\w-]+$/, "getToken: a JWT")
  is([...server.jar.keys()], [], "getToken: no cookie")
  is(await statusOfMe(server), 401, "getToken: in a server, the client does not keep it")
  const bearer = new Shopper({ maxRetries: 3, publishableApiKey: "pk_test", customHeaders: { Authorization: `Bearer ${token}` } })
  is((await me(bearer)).id, customer.id, "customHeaders: a server hands it over itself")
  is(bearer.last.headers["x-publishable-api-key"], "pk_test", "publishableApiKey: sent, and harmless")

  globalThis.window = {}
  const page = new Shopper()
  const { access_token: kept } = await page.medusa.auth.getToken({ email, password: PASSWORD })
  is((await me(page)).id, customer.id, "getToken: where there is a window, retrieve works at once")
  is([page.last.headers.Authorization, page.last.headers.Cookie], [`Bearer ${kept}`, undefined], "getToken: by the token alone")
  is((await page.medusa.customers.update({ phone: null })).customer.phone, null, "update: by token too")
  await page.medusa.auth.deleteSession()
  is(await statusOfMe(page), 401, "deleteSession: ends that token")
  delete globalThis.window
  is(await statusOfMe(bearer), 200, "deleteSession: and no other")
  return bearer
}

async function profile(bearer) {
  const { customers } = ada.medusa
  let { customer } = await customers.update({ first_name: "Augusta", metadata: { vip: true, size: 38, note: "x" } })
  is([customer.first_name, customer.last_name, customer.metadata],
    ["Augusta", "Lovelace", { vip: true, size: 38, note: "x" }], "update: what was sent, and nothing else")
  customer = (await customers.update({ metadata: { note: "", size: 40, list: [1, null] } })).customer
  is(customer.metadata, { vip: true, size: 40, list: [1, null] }, "update: metadata are merged, \"\" removes")
  customer = (await customers.update({ billing_address: { first_name: "Augusta", country_code: "GB" } })).customer
  is([customer.billing_address.country_code, customer.shipping_addresses], ["gb", []], "update: a billing address")
  await customers.update({ password: OTHER_PASSWORD })
  is([await statusOfMe(ada), await statusOfMe(bearer)], [200, 401], "update: a new password ends all other sessions")
  is((await refusal(ada.medusa.auth.authenticate({ email, password: PASSWORD }))).status, 401, "update: the old one is void")
  await ada.medusa.auth.authenticate({ email, password: OTHER_PASSWORD })
  is(await statusOfMe(ada), 200, "update: the new one signs in")
}

const HOME = {
  first_name: "Ada", last_name: "Lovelace", phone: "12345", company: "Wyman Inc.", address_1: "12 St James's Square",
  address_2: "", city: "Łódź", country_code: "US", province: "LON", postal_code: "1236", metadata: { floor: 2 }
}

async function addresses() {
  const { addresses: api } = ada.medusa.customers
  const { customer } = await api.addAddress({ address: HOME })
  const [home] = customer.shipping_addresses
  like(home?.id, /^addr_/, "addAddress: an id")
  is(Object.fromEntries(Object.keys(HOME).map(key => [key, home[key]])), { ...HOME, country_code: "us" }, "addAddress: what was sent")
  is((await api.addAddress({ address: HOME })).customer.shipping_addresses.length, 1, "addAddress: no second copy")
  let [changed] = (await api.updateAddress(home.id, { city: "Leeds", company: null })).customer.shipping_addresses
  is([changed.id, changed.city, changed.company, changed.address_1], [home.id, "Leeds", null, HOME.address_1], "updateAddress")
  const lost = await refusal(api.updateAddress("addr_nowhere", { city: "Leeds" }))
  is([lost.status, lost.data], [400, { type: "invalid_data", message: "Could not find address for customer" }],
    "updateAddress: an unknown one")
  is((await refusal(api.addAddress({ address: { ...HOME, country_code: "zz" } }))).data,
    { type: "not_found", message: "Country with country_code zz does not exist." }, "addAddress: an unknown country")
  is((await api.deleteAddress(home.id)).customer.shipping_addresses, [], "deleteAddress: gone")
  is(ada.last.body, "{}", "deleteAddress: the client sent a body with DELETE")
  is((await me(ada)).shipping_addresses, [], "deleteAddress: for good")
}

async function lists() {
  const { customers } = ada.medusa
  const page = ({ orders, count, offset, limit }) => ({ orders, count, offset, limit })
  is(page(await customers.listOrders()), { orders: [], count: 0, offset: 0, limit: 10 }, "listOrders: none")
  const query = { limit: 5, offset: 2, status: ["pending", "completed"], created_at: { gt: "2026-01-01" }, expand: "items" }
  is(page(await customers.listOrders(query)), { orders: [], count: 0, offset: 2, limit: 5 }, "listOrders: with filters")
  const wrong = await refusal(customers.listOrders({ status: ["lost"], colour: "red" }))
  like(`${wrong.status} ${wrong.data?.message}`, /^400 property colour should not exist, each value in status must be one of/,
    "listOrders: wrong filters")
  is((await customers.paymentMethods.list()).payment_methods, [], "paymentMethods.list: none")
}

async function reset() {
  const forgetful = new Shopper()
  const { customers, auth } = forgetful.medusa
  is((await customers.generatePasswordToken({ email })).response.status, 204, "generatePasswordToken: 204")
  is((await customers.generatePasswordToken({ email: `nobody-${email}` })).response.status, 204, "generatePasswordToken: for anybody")
  const token = await ask("token")
  const bad = await refusal(customers.resetPassword({ email, password: PASSWORD, token: token + "x" }))
  is([bad.status, bad.data], [401, { type: "unauthorized", message: "Invalid or expired password reset token" }],
    "resetPassword: a wrong token")
  const { customer } = await customers.resetPassword({ email, password: PASSWORD, token })
  is([customer.email, "billing_address" in customer], [email, false], "resetPassword: the bare customer")
  is(forgetful.jar.size, 0, "resetPassword: does not sign in")
  is(await statusOfMe(ada), 401, "resetPassword: ends all sessions")
  is((await refusal(customers.resetPassword({ email, password: "x", token }))).status, 401, "resetPassword: once only")
  is((await auth.authenticate({ email, password: PASSWORD })).customer.email, email, "resetPassword: the new one signs in")
  ada.jar = forgetful.jar
}

async function errors() {
  const { customers, auth } = new Shopper().medusa
  const person = { email, password: PASSWORD, first_name: "Ada", last_name: "Lovelace" }
  is(await refusal(customers.create(person)), {
    status: 422, message: "Request failed with status code 422",
    data: {
      code: "invalid_request_error", type: "duplicate_error",
      message: "A customer with the given email already has an account. Log in instead"
    }
  }, "create: a duplicate is a 422")
  is(await refusal(customers.create({ email: "no", nick: "A" })), {
    status: 400, message: "Request failed with status code 400",
    data: {
      type: "invalid_data", message: "property nick should not exist, first_name must be a string, "
        + "last_name must be a string, email must be an email, password must be a string"
    }
  }, "create: all complaints in one 400")
  const wrong = { status: 401, data: "Unauthorized", message: "Request failed with status code 401" }
  is(await refusal(auth.authenticate({ email, password: "wrong one" })), wrong, "authenticate: a wrong password is a 401")
  is(await refusal(auth.getToken({ email, password: "wrong one" })), wrong, "getToken: too")
  is(await refusal(customers.update({ first_name: "x" })), wrong, "update: signed out")
  is((await refusal(ada.medusa.client.request("GET", "/store/no-such-thing"))).status, 404, "an unknown path is a 404")
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

async function retries() {
  const patient = new Shopper({ maxRetries: 3 })
  const person = { email: `late-${email}`, password: PASSWORD, first_name: "Late", last_name: "Comer" }
  await ask("outage")
  const down = await refusal(ada.medusa.customers.retrieve())
  is([down.status, down.data?.type], [503, "database_error"], "no retries: the outage is told as a 503")
  let ended
  patient.afterAttempt = async response => {
    if (response.status === 503 && !ended) ended = await ask("recovery")
  }
  const start = Date.now()
  const { customer } = await patient.medusa.customers.create(person)
  is(customer.email, person.email, "maxRetries: registration succeeds after the outage")
  is(patient.wire.map(({ status }) => status).filter((status, i, all) => status !== all[i - 1]), [503, 200],
    "maxRetries: refused at first, then done")
  is(patient.wire[0].answerHeaders["retry-after"], "1", "maxRetries: Retry-After says when")
  is(Date.now() - start >= 950, true, "maxRetries: and the client waits so long")
  like(patient.wire[0].headers["Idempotency-Key"], UUID, "maxRetries: an Idempotency-Key is sent")
  is(new Set(patient.wire.map(({ headers }) => headers["Idempotency-Key"])).size, 1, "maxRetries: the same with each try")
  is(new Set(patient.wire.map(({ body }) => body)).size, 1, "maxRetries: and the same body")
  is((await me(patient)).id, customer.id, "maxRetries: signed in")
  is((await refusal(patient.medusa.customers.create(person))).status, 422, "maxRetries: a 422 is not retried")
  is(patient.wire.filter(({ status }) => status === 422).length, 1, "maxRetries: not once")
  is(await statusOfMe(ada), 200, "the session of before the outage goes on")
}

// Ten shoppers whose first connections are cut, each after other bytes: of what they send, or of what they are answered.
async function cuts() {
  const { url } = await ask("proxy")
  const person = n => ({ email: `cut-${n}-${email}`, password: PASSWORD, first_name: "Cut", last_name: `Number ${n}` })
  const address = { first_name: "Cut", last_name: "Off", address_1: "1 Main St", city: "Bergen", country_code: "no", postal_code: "5003" }
  const shopper = () => new Shopper({ baseUrl: url, maxRetries: 3 })
  const replayed = wire => wire.filter(({ answerHeaders }) => answerHeaders?.["idempotent-replayed"] === "true").length
  const keys = wire => new Set(wire.map(({ headers }) => headers["Idempotency-Key"])).size
  const first = shopper()
  await ask("count")
  await first.medusa.customers.create(person(0))
  let { count } = await ask("cut")
  const all = Array.from({ length: count }, shopper)
  const customers = await Promise.all(all.map((each, i) => each.medusa.customers.create(person(i + 1)).then(({ customer }) => customer, error => error.message)))
  is(customers.map(({ email }) => email), all.map((_, i) => person(i + 1).email), "cut: each registration succeeds")
  is(all.map(({ wire }) => [keys(wire), wire.at(-1).status].join()), all.map(() => "1,200"), "cut: with the same key until it is answered")
  is(all.filter(({ wire }) => wire[0].status === undefined).length >= count - 1, true, "cut: after a first try without an answer")
  const again = all.reduce((n, { wire }) => n + replayed(wire), 0)
  is(again > 0 && again < count, true, "cut: some had been done, which is not done again")
  is(await Promise.all(all.map(statusOfMe)), all.map(() => 200), "cut: each is signed in")
  all.forEach(each => each.wire.length = 0)
  await ask("count")
  await first.medusa.customers.addresses.addAddress({ address })
  count = (await ask("cut")).count
  const books = await Promise.all(all.map(each => each.medusa.customers.addresses.addAddress({ address })
    .then(({ customer }) => customer.shipping_addresses.length, error => error.message)))
  is(books, all.map(() => 1), "cut: each address is added")
  is(all.filter(({ wire }) => wire.length > 1).length >= count - 1, true, "cut: after a first try without an answer")
  is(all.some(({ wire }) => replayed(wire)), true, "cut: some by a replay")
}

const customer = await registration()
await sessions(customer)
const bearer = await tokens(customer)
await profile(bearer)
await addresses()
await lists()
await reset()
await errors()
await retries()
await cuts()
tell({ done: tests })
process.exit(0)
