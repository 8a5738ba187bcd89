/* people.c: makes up customers and their addresses: lines of columns separated by tabs, as LOAD DATA and COPY read them.
 *
 * usage: people customers COUNT SEED PASSWORD_HASH    id, email, first_name, last_name, phone, password_hash, has_account, times
 *        people addresses COUNT SEED EACH             the columns of `addresses` in people.sh
 *        people targets COUNT SEED EACH HOW_MANY      id, e-mail, and id of the first address, of customers all over the table
 *        people hash PASSWORD KIBIBYTES PASSES        an Argon2id string
 *
 * Customer n is a function of n and SEED alone, so that several tables, databases and runs agree. Ids grow with n, as real ones do.
 * The first million have names of their own; later ones are namesakes. No e-mail address comes twice. */
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof array / sizeof *array)

enum { NAMES_BITS = 20, BORN = 1704067200 /* 2024-01-01 */, EVERY = 7 /* seconds from one customer to the next */, BAR = 40 };

typedef struct {
    const char *written, *mailed; /* as its owner writes it, and in an e-mail address */
} name_t;

typedef struct {
    const char *name, *country, *code, *phone; /* code: '#' is a digit */
} city_t;

static const name_t given[64] = {
    { "Ada", "ada" }, { "Adam", "adam" }, { "Aisha", "aisha" }, { "Alan", "alan" }, { "Alice", "alice" }, { "Amélie", "amelie" },
    { "Anna", "anna" }, { "Barbara", "barbara" }, { "Björn", "bjoern" }, { "Carla", "carla" }, { "Carlos", "carlos" },
    { "Chiara", "chiara" }, { "Claude", "claude" }, { "Daniel", "daniel" }, { "Dorothy", "dorothy" }, { "Edsger", "edsger" },
    { "Elif", "elif" }, { "Emil", "emil" }, { "Emma", "emma" }, { "Erik", "erik" }, { "Fatima", "fatima" }, { "François", "francois" },
    { "Freya", "freya" }, { "Georg", "georg" }, { "Grace", "grace" }, { "Hannah", "hannah" }, { "Hugo", "hugo" }, { "Ines", "ines" },
    { "Ivan", "ivan" }, { "Jan", "jan" }, { "Jana", "jana" }, { "Jonas", "jonas" }, { "José", "jose" }, { "Julia", "julia" },
    { "Karen", "karen" }, { "Karl", "karl" }, { "Katherine", "katherine" }, { "Kofi", "kofi" }, { "Lars", "lars" }, { "Léa", "lea" },
    { "Linus", "linus" }, { "Louis", "louis" }, { "Lucía", "lucia" }, { "Magnus", "magnus" }, { "Margaret", "margaret" },
    { "Marie", "marie" }, { "Mehmet", "mehmet" }, { "Mia", "mia" }, { "Niklaus", "niklaus" }, { "Noor", "noor" }, { "Olga", "olga" },
    { "Paul", "paul" }, { "Pedro", "pedro" }, { "Radia", "radia" }, { "Rosa", "rosa" }, { "Sara", "sara" }, { "Sofia", "sofia" },
    { "Søren", "soeren" }, { "Thomas", "thomas" }, { "Tim", "tim" }, { "Vera", "vera" }, { "Yusuf", "yusuf" }, { "Zeynep", "zeynep" },
    { "Zoë", "zoe" }
};
/* surnames are put together: 32 x 32 */
static const char *const surname_begins[32] = {
    "Ash", "Bark", "Beck", "Black", "Brad", "Brook", "Burn", "Clay", "Cross", "Dal", "East", "Elm", "Fair", "Far", "Good", "Green",
    "Hart", "Hill", "Kirk", "Lang", "Lind", "Maple", "North", "Oak", "Rock", "Rose", "Sand", "Stan", "Stone", "West", "Wind", "Wood"
};
static const char *const surname_ends[32] = {
    "berg", "borough", "bridge", "brook", "bury", "by", "cliff", "combe", "dale", "den", "feld", "field", "ford", "gard", "gate", "ham",
    "holm", "hurst", "land", "ley", "man", "mark", "mere", "mond", "mont", "more", "ridge", "shaw", "stead", "ton", "well", "worth"
};
static const char *const domains[8] = {
    "example.com", "mail.example.com", "post.example.com", "example.net", "mail.example.net", "example.org", "mail.example.org", "home.example.org"
};
static const char *const streets[16] = {
    "Abbey Road", "Bridge Street", "Castle Street", "Church Lane", "Garden Street", "High Street", "Hill Road", "King Street", "Lake View",
    "Market Square", "Mill Lane", "New Street", "Park Avenue", "School Lane", "Station Road", "Water Street"
};
static const city_t cities[16] = {
    { "London", "gb", "SW1Y 4LB", "+44 20 " }, { "Leeds", "gb", "LS1 4DY", "+44 113 " }, { "Berlin", "de", "10###", "+49 30 " },
    { "München", "de", "80###", "+49 89 " }, { "Paris", "fr", "750##", "+33 1 " }, { "Lyon", "fr", "6900#", "+33 4 " },
    { "Madrid", "es", "280##", "+34 91 " }, { "Roma", "it", "001##", "+39 06 " }, { "Wien", "at", "1##0", "+43 1 " },
    { "Zürich", "ch", "80##", "+41 44 " }, { "Amsterdam", "nl", "10## AB", "+31 20 " }, { "København", "dk", "2###", "+45 " },
    { "Stockholm", "se", "11# ##", "+46 8 " }, { "Arlington", "us", "222##", "+1 703 " }, { "Boston", "us", "021##", "+1 617 " },
    { "Toronto", "ca", "M5H 2N2", "+1 416 " }
};
static const char *const companies[8] = {
    "Analytical Engines", "Blue Door Books", "Corner Bakery", "Difference Ltd", "Elm & Oak", "Fjord Coffee", "Green Wheel", "Harbour Tools"
};

static uint64_t seed;

/* splitmix64: any number's own random number */
static uint64_t mixed(uint64_t x)
{
    x += seed * 0x9E3779B97F4A7C15u + 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

/* Each number below 2^20 becomes another one below 2^20, and none twice. */
static uint32_t shuffled(uint32_t n)
{
    uint32_t mask = (1u << NAMES_BITS) - 1;

    n = (n * 0x9E375u + (uint32_t)mixed(0)) & mask;
    n ^= n >> 11;
    n = n * 0xD1A95u & mask;
    n ^= n >> 9;
    return n;
}

/* Time (10 characters) and what makes it unique (16): that grows with k too, for the addresses of one moment. */
static void ulid(char *out, int64_t seconds, uint64_t salt, unsigned k)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint64_t ms = (uint64_t)seconds * 1000, random = mixed(salt);
    int i;

    for (i = 9; i >= 0; i--, ms >>= 5) {
        out[i] = digits[ms & 31];
    }
    out[10] = digits[k >> 5 & 31];
    out[11] = digits[k & 31];
    for (i = 12; i < 26; i++, random >>= 4) {
        out[i] = digits[random & 15];
    }
    out[26] = '\0';
}

static int64_t birth(uint32_t n)
{
    return BORN + (int64_t)n * EVERY;
}

static void customer_id(char *out, uint32_t n)
{
    memcpy(out, "cus_", 4);
    ulid(out + 4, birth(n), n, 0);
}

static void address_id(char *out, uint32_t n, unsigned k)
{
    memcpy(out, "addr_", 5);
    ulid(out + 5, birth(n), n + ((uint64_t)1 << 32), k);
}

/* Digits are numbered from n on, so that a pattern's own are random, too. */
static void fill(char *out, const char *pattern, uint64_t random)
{
    for (; *pattern; pattern++, out++) {
        *out = *pattern;
        if (*pattern == '#') {
            *out = (char)('0' + random % 10);
            random /= 10;
        }
    }
    *out = '\0';
}

typedef struct {
    const name_t *given;
    char middle, begin, end; /* the letter of a second name; and of which parts the surname is made */
    char surname[24], email[96];
} person_t;

static void meet(person_t *p, uint32_t n)
{
    uint32_t s = shuffled(n & ((1u << NAMES_BITS) - 1)), again = n >> NAMES_BITS;
    char number[12] = "", lower[24];
    size_t i;

    p->given = &given[s & 63];
    p->middle = (char)('A' + (s >> 6 & 15));
    snprintf(p->surname, sizeof p->surname, "%s%s", surname_begins[s >> 10 & 31], surname_ends[s >> 15 & 31]);
    for (i = 0; i <= strlen(p->surname); i++) {
        lower[i] = (char)(p->surname[i] >= 'A' && p->surname[i] <= 'Z' ? p->surname[i] + 32 : p->surname[i]);
    }
    if (again) {
        snprintf(number, sizeof number, "%u", again + 1);
    }
    snprintf(p->email, sizeof p->email, "%s.%c.%s%s@%s", p->given->mailed, p->middle + 32, lower, number, domains[mixed(n) >> 8 & 7]);
}

static const char *date(int64_t seconds)
{
    static char text[32];
    time_t t = (time_t)seconds;
    struct tm parts;

    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S.000", gmtime_r(&t, &parts));
    return text;
}

static void customer(uint32_t n, const char *hash)
{
    person_t p;
    char id[32];

    meet(&p, n);
    customer_id(id, n);
    printf("%s\t%s\t%s %c.\t%s\t", id, p.email, p.given->written, p.middle, p.surname);
    printf("%s%07u\t%s\t1\t%s\t", cities[mixed(n) & 15].phone, (unsigned)(mixed(n) >> 16 & 0x3FFFFF) + 1000000, hash, date(birth(n)));
    printf("%s\n", date(birth(n)));
}

static void address(uint32_t n, unsigned k)
{
    uint64_t random = mixed(n ^ (uint64_t)(k + 1) << 40);
    const city_t *city = &cities[random & 15];
    char id[32], owner[32], code[16];
    person_t p;

    meet(&p, n);
    customer_id(owner, n);
    address_id(id, n, k);
    fill(code, city->code, random >> 24);
    printf("%s\t%s\t%s\t%s %c.\t%s\t", id, owner, random >> 4 & 7 ? "\\N" : companies[random >> 8 & 7], p.given->written, p.middle, p.surname);
    printf("%u %s\t%s\t%s\t%s\t\\N\t%s\t", (unsigned)(random >> 32 & 127) + 1, streets[random >> 12 & 15],
        random >> 17 & 3 ? "\\N" : "First floor", city->name, city->country, code);
    printf("%s%07u\t%s\t%s\t", city->phone, (unsigned)(random >> 40 & 0x3FFFFF) + 1000000,
        random >> 20 & 7 ? "\\N" : "{\"floor\":1,\"door\":\"left\"}", date(birth(n)));
    printf("%s\n", date(birth(n)));
}

/* A bar that grows in place on a terminal; a few lines elsewhere. It tells what was taken from us, as the pipe holds us back. */
static void progress(const char *what, uint32_t done, uint32_t count)
{
    static unsigned shown = 1000;
    unsigned tenths = (unsigned)((uint64_t)done * 1000 / (count ? count : 1)), i;
    char bar[BAR + 1] = "";

    if (tenths / 5 == shown / 5 || (!isatty(STDERR_FILENO) && tenths / 250 == shown / 250)) {
        return;
    }
    shown = tenths;
    for (i = 0; i < BAR; i++) {
        bar[i] = i < tenths * BAR / 1000 ? '#' : '.';
    }
    fprintf(stderr, isatty(STDERR_FILENO) ? "\r%-10s [%s] %3u %%%s" : "%-10s [%s] %3u %%\n%.0s", what, bar, tenths / 10, done == count ? "\n" : "");
}

static uint32_t number(const char *text, uint32_t from, uint32_t to)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*end || !*text || n < from || n > to) {
        fprintf(stderr, "people: %s is no number from %u to %u\n", text, from, to);
        exit(2);
    }
    return (uint32_t)n;
}

static void make_customers(uint32_t count, const char *hash)
{
    uint32_t n;

    for (n = 0; n < count; n++) {
        customer(n, hash);
        progress("customers", n + 1, count);
    }
}

static void make_addresses(uint32_t count, unsigned each)
{
    uint32_t n;
    unsigned k;

    for (n = 0; n < count; n++) {
        for (k = 0; k < each; k++) {
            address(n, k);
        }
        progress("addresses", n + 1, count);
    }
}

/* Evenly spread over all, in an order without neighbours. */
static void make_targets(uint32_t count, unsigned each, uint32_t many)
{
    uint64_t step = count / many, i;
    char id[32], first[32] = "";
    person_t p;

    for (i = 0; i < many; i++) {
        uint32_t n = (uint32_t)((i * 7919 % many) * step); /* 7919 is prime: each once, unless `many` is a multiple of it */

        meet(&p, n);
        customer_id(id, n);
        if (each) {
            address_id(first, n, 0);
        }
        printf("%s\t%s\t%s\n", id, p.email, first);
    }
}

static int make_hash(const char *password, const char *kibibytes, const char *passes)
{
    char hash[crypto_pwhash_STRBYTES];

    if (sodium_init() < 0 || crypto_pwhash_str(hash, password, strlen(password), number(passes, 1, 1000), (size_t)number(kibibytes, 8, 4194304) << 10)) {
        fputs("people: can't hash\n", stderr);
        return 1;
    }
    puts(hash);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    uint32_t count;

    if (!strcmp(what, "hash") && argc == 5) {
        return make_hash(argv[2], argv[3], argv[4]);
    }
    if (argc < 5) {
        fputs("usage: people customers|addresses|targets|hash … (see its head)\n", stderr);
        return 2;
    }
    count = number(argv[2], 0, 100000000);
    seed = number(argv[3], 0, UINT32_MAX);
    if (!strcmp(what, "customers")) {
        make_customers(count, argv[4]);
    }
    else if (!strcmp(what, "addresses")) {
        make_addresses(count, number(argv[4], 0, 1000));
    }
    else if (!strcmp(what, "targets") && argc == 6 && count) {
        make_targets(count, number(argv[4], 0, 1000), number(argv[5], 1, count));
    }
    return fflush(stdout) ? 1 : 0;
}
