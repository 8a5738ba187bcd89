// targets.js: signs customers in at Medusa without asking for their passwords, as tokens.c does at the module.
//
//   node targets.js < lines of customer, e-mail, address     prints them again with the columns digest (none), token, reset
//   node targets.js hash PASSWORD                            the hash that Medusa would store
// JWT_SECRET is Medusa's; PASSWORD_HASH everybody's: reset tokens are signed with it. Runs beside node_modules.
const jwt = require("jsonwebtoken")
const scrypt = require("scrypt-kdf")
const readline = require("readline")

async function main() {
  if (process.argv[2] === "hash") {
    const hash = await scrypt.kdf(process.argv[3], { logN: 1, r: 1, p: 1 }) // as services/customer does
    console.log(hash.toString("base64"))
    return
  }
  const { JWT_SECRET, PASSWORD_HASH } = process.env
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const customer_id = line.split("\t")[0]
    const token = jwt.sign({ customer_id, domain: "store" }, JWT_SECRET, { expiresIn: "30d" })
    const reset = jwt.sign({ customer_id, exp: Math.floor(Date.now() / 1000) + 900 }, PASSWORD_HASH)
    process.stdout.write(`${line}\t-\t${token}\t${reset}\n`)
  }
}
main()
