/* One decision in one fused function: the least that this work costs on this machine.
 *
 * Same rules, same model arrays, same arbitration and same integration of selection probabilities as Opportune, over
 * values that were looked up beforehand, answering with the three chosen actions, their probabilities and all stages.
 *
 * Notation: n actions, np padded to 16; place k of 3; m, s mean and standard deviation of a contender's draw; rows are the
 * contenders that are integrated one by one, and the pool of the others.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#ifdef __F16C__
#include <immintrin.h>
#endif

#define PLACES 3
#define SINGLE 6 /* clauses of a rule; atom 0 is always true */
#define DOUBLE 2 /* of them with a second atom; atom 1 is never true */
/* BOUND, RANK, NODES, NODES_LEAST, NODES_MOST, REACH, CUT_DEPTHS, CUT_COUNTS, POOL_REACH, NORMAL_REACH and NORMAL_FACTORS
 * come from the command line, so that both integrate alike. */
#define GRID (((NODES + 1 + NODES_LEAST * (BOUND + 1)) | 15) + 1)
#define LEAST_BELOW 1e-30f

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

typedef float lane __attribute__((vector_size(64), aligned(64)));
typedef uint32_t words __attribute__((vector_size(64), aligned(64)));
typedef uint16_t shorts __attribute__((vector_size(32), aligned(32)));
enum { LANES = 16, TILE = 8 }; /* a tile of 8 x 16 actions keeps mean and variance in registers */

#ifdef __AVX512F__
static inline lane mean_of(shorts numbers) { return (lane)_mm512_cvtph_ps((__m256i)numbers); }
#elif defined __F16C__
static inline lane mean_of(shorts numbers) {
    const __m256 parts[2] = {_mm256_cvtph_ps(_mm256_castsi256_si128((__m256i)numbers)),
                             _mm256_cvtph_ps(_mm256_extractf128_si256((__m256i)numbers, 1))};
    lane all;
    memcpy(&all, parts, sizeof all);
    return all;
}
#else /* compilers may take them one by one */
typedef _Float16 halves __attribute__((vector_size(32), aligned(32)));
static inline lane mean_of(shorts numbers) { return __builtin_convertvector((halves)numbers, lane); }
#endif
static inline lane variance_of(shorts numbers) { return (lane)(__builtin_convertvector(numbers, words) << 16); }

typedef struct {
    int32_t n, np, atoms, levels, dense, rows, tp;
    /* rules: tests grouped by attribute, then clauses as indices of tests, [clause][np] */
    const int32_t *number_of;  /* [atoms] index of the number or category that an atom looks at */
    const float *low, *high;   /* [atoms] number atoms come first: low <= x < high */
    const uint32_t *mask;      /* [levels] then category atoms: bit of the level is set */
    const int32_t *first;      /* [SINGLE][np] */
    const int32_t *second;     /* [DOUBLE][np] */
    /* model: [row][2][np] and [row][2][tp] */
    const uint16_t *joint;     /* means in half precision, variances as upper halves of a float */
    const float *top;
    const int32_t *group_of;   /* [np] */
    /* goals */
    const float *value, *shown, *boost; /* [np] */
    double scale, floor;
    /* room to work */
    int32_t *truth;            /* [atoms + levels + 2] */
    float *mean, *spread, *propensity; /* [np] */
    int32_t *alive, *contender, *row_of; /* [np + 1] */
    float *m, *s;              /* [np + 1] */
    double *chance;            /* [np + 1] */
} plan;

typedef struct {
    const float *numbers;      /* looked-up values */
    const int32_t *categories;
    const float *features;     /* [dense] */
    const int64_t *active;     /* [rows] */
    const double *uniform;     /* [PLACES] */
    uint8_t *stages;           /* [np] 0: passed the gate, 1: dropped; 2: shown */
    int32_t *chosen;           /* [PLACES] */
    double *probability;       /* [PLACES] */
    double nanoseconds;
} contact;

static void gate(const plan *restrict p, const contact *restrict c) {
    int32_t *restrict truth = p->truth;
    uint8_t *restrict stages = c->stages;
    const int np = p->np;
    truth[0] = 1;
    truth[1] = 0;
    for (int i = 0; i < p->atoms; i++) {
        const float x = c->numbers[p->number_of[i]];
        truth[2 + i] = (x >= p->low[i]) & (x < p->high[i]);
    }
    for (int i = 0; i < p->levels; i++)
        truth[2 + p->atoms + i] = (p->mask[i] >> c->categories[p->number_of[p->atoms + i]]) & 1;
    for (int i = 0; i < np; i++) {
        int32_t passed = 1;
        for (int k = 0; k < DOUBLE; k++) passed &= truth[p->first[k * np + i]] | truth[p->second[k * np + i]];
        for (int k = DOUBLE; k < SINGLE; k++) passed &= truth[p->first[k * np + i]];
        stages[i] = passed ^ 1;
    }
}

static inline float exponential(float x) {
    /* e^x = 2^k * e^r with |r| <= ln(2)/2; degree 6 is right to 2e-7. Arguments lie in +-15. */
    const float k = rintf(x * 1.44269504f);
    const float r = x - k * 0.693359375f + k * 2.12194440e-4f;
    float y = r * 1.3888889e-3f + 8.3333333e-3f;
    y = y * r + 4.1666667e-2f;
    y = y * r + 1.6666667e-1f;
    y = y * r + 0.5f;
    y = y * r + 1.0f;
    y = y * r + 1.0f;
    const int32_t bits = ((int32_t)k + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return y * power;
}

static void score(const plan *restrict p, const contact *restrict c) {
    const int np = p->np, tp = p->tp;
    float above[2][tp];
    memset(above, 0, sizeof above);
    for (int f = 0; f < p->dense + p->rows; f++) {
        const int64_t row = f < p->dense ? f : c->active[f - p->dense];
        const float x = f < p->dense ? c->features[f] : 1.0f;
        if (x == 0.0f) continue;
        const float *restrict weights = p->top + row * 2 * tp;
        for (int t = 0; t < tp; t++) {
            above[0][t] += x * weights[t];
            above[1][t] += x * x * weights[tp + t];
        }
    }
    for (int tile = 0; tile < np; tile += LANES * TILE) {
        const int tiles = (np - tile) / LANES < TILE ? (np - tile) / LANES : TILE;
        lane mean[TILE], variance[TILE];
        for (int v = 0; v < TILE; v++) {
            mean[v] = (lane){0};
            variance[v] = (lane){0};
        }
        for (int f = 0; f < p->dense; f++) {
            const float x = c->features[f], square = x * x;
            if (x == 0.0f) continue;
            const shorts *restrict weights = (const shorts *)(p->joint + (int64_t)f * 2 * np + tile);
            const shorts *restrict variances = (const shorts *)(p->joint + (int64_t)f * 2 * np + np + tile);
            if (tiles == TILE) {
                UNROLL for (int v = 0; v < TILE; v++) {
                    mean[v] += x * mean_of(weights[v]);
                    variance[v] += square * variance_of(variances[v]);
                }
            } else {
                for (int v = 0; v < tiles; v++) {
                    mean[v] += x * mean_of(weights[v]);
                    variance[v] += square * variance_of(variances[v]);
                }
            }
        }
        for (int f = 0; f < p->rows; f++) {
            const shorts *restrict weights = (const shorts *)(p->joint + c->active[f] * 2 * np + tile);
            const shorts *restrict variances = (const shorts *)(p->joint + c->active[f] * 2 * np + np + tile);
            if (tiles == TILE) {
                UNROLL for (int v = 0; v < TILE; v++) {
                    mean[v] += mean_of(weights[v]);
                    variance[v] += variance_of(variances[v]);
                }
            } else {
                for (int v = 0; v < tiles; v++) {
                    mean[v] += mean_of(weights[v]);
                    variance[v] += variance_of(variances[v]);
                }
            }
        }
        for (int v = 0; v < tiles; v++) {
            *(lane *)(p->mean + tile + v * LANES) = mean[v];
            *(lane *)(p->spread + tile + v * LANES) = variance[v];
        }
    }
    float *restrict priority = p->mean, *restrict spread = p->spread, *restrict propensity = p->propensity;
    const float *restrict value = p->value, *restrict shown = p->shown, *restrict boost = p->boost;
    const int32_t *restrict group_of = p->group_of;
    for (int i = 0; i < np; i++) {
        float odds = priority[i] + above[0][0] + above[0][group_of[i]];
        const float deviation = sqrtf(spread[i] + above[1][0] + above[1][group_of[i]]);
        odds = fminf(fmaxf(odds, -15.0f), 15.0f);
        const float chance = 1.0f / (1.0f + exponential(-odds));
        const float gain = chance * value[i];
        propensity[i] = chance;
        priority[i] = (gain + shown[i]) * boost[i];
        spread[i] = fabsf(gain) * (1.0f - chance) * deviation * boost[i];
    }
}

static const float NORMAL[] = {NORMAL_FACTORS};

/* Fill a row with the cumulative normal of one contender at every node: the fitted polynomial, in lanes. */
static void fill_below(const float *restrict grid, int nodes, float middle, float slope, float *restrict row) {
    for (int k = 0; k < nodes; k++) {
        float x = (grid[k] - middle) * slope;
        x = x < (float)NORMAL_REACH ? x : (float)NORMAL_REACH;
        x = x > (float)-NORMAL_REACH ? x : (float)-NORMAL_REACH;
        const float u = x * x;
        float total = NORMAL[8];
        UNROLL for (int f = 7; f >= 0; f--) total = total * u + NORMAL[f];
        row[k] = total * x + 0.5f;
    }
}

static const double NORMAL_DOUBLE[] = {NORMAL_FACTORS};

/* The same of the pool, in double precision: it is multiplied with itself many times. */
static void fill_pool(const float *restrict grid, int nodes, double middle, double slope, double *restrict pooled) {
    for (int k = 0; k < nodes; k++) {
        double x = (grid[k] - middle) * slope;
        x = x < NORMAL_REACH ? x : NORMAL_REACH;
        x = x > -NORMAL_REACH ? x : -NORMAL_REACH;
        const double u = x * x;
        double total = NORMAL_DOUBLE[8];
        UNROLL for (int f = 7; f >= 0; f--) total = total * u + NORMAL_DOUBLE[f];
        pooled[k] = total * x + 0.5;
    }
}

/* Raise the pool's row to a whole power. */
static void raise(const double *restrict row, int nodes, int times, float *restrict raised, float *restrict shares) {
    double base[GRID], power[GRID];
    const int last = nodes - 1;
    for (int k = 0; k < nodes; k++) {
        base[k] = row[k];
        power[k] = 1.0;
    }
    for (; times; times >>= 1)
        for (int k = 0; k < nodes; k++) {
            const double next = power[k] * ((times & 1) ? base[k] : 1.0), square = base[k] * base[k];
            power[k] = next > LEAST_BELOW ? next : LEAST_BELOW;
            base[k] = square > 1e-15 ? square : 1e-15;
        }
    for (int k = 0; k < nodes; k++) raised[k] = power[k];
    for (int k = 0; k < nodes; k++)
        shares[k] = (power[k < last ? k + 1 : last] - power[k > 0 ? k - 1 : 0]) / power[k];
}

/* Sort by buckets and insertion: the nodes are spread well. */
static void sort_nodes(const float *restrict nodes, int count, float width, float *restrict sorted) {
    int32_t ends[GRID] = {0}, bucket[GRID];
    const float scale = width > 0.0f ? (count - 2) / width : 0.0f;
    for (int k = 0; k < count; k++) bucket[k] = (int32_t)(nodes[k] * scale);
    for (int k = 0; k < count; k++) ends[bucket[k] + 1]++;
    for (int k = 1; k < count; k++) ends[k] += ends[k - 1];
    for (int k = 0; k < count; k++) sorted[ends[bucket[k]]++] = nodes[k];
    for (int k = 1; k < count; k++) {
        const float z = sorted[k];
        int at = k;
        for (; at > 0 && sorted[at - 1] > z; at--) sorted[at] = sorted[at - 1];
        sorted[at] = z;
    }
}

/* The draws of the places: who contends, and everybody's cumulative normal over one grid. */
typedef struct {
    int alive, contenders, rows, nodes; /* the last row is the pool's, if there is one */
    int members;                        /* of the pool; 0: there is none */
    float below[BOUND + 1][GRID], shares[BOUND + 1][GRID];
    double pooled[GRID];
    uint8_t gone[BOUND + 1];
} race;

static const float DEPTHS[] = {CUT_DEPTHS};
static const int COUNTS[] = {CUT_COUNTS};
enum { CUTS = sizeof DEPTHS / sizeof *DEPTHS, COUNT_MOST = 16 };

/* Gather who passed the gate; return where the grid begins. */
static float gather(const plan *restrict p, const contact *restrict c, race *restrict r) {
    float top[PLACES + COUNT_MOST], cut = -3e38f, *restrict m = p->m, *restrict s = p->s;
    int alive = 0;
    for (int i = 0; i < p->n; i++) {
        p->alive[alive] = i;
        alive += c->stages[i] == 0;
    }
    r->alive = alive;
    for (int k = 0; k < alive; k++) {
        m[k] = p->mean[p->alive[k]];
        s[k] = p->spread[p->alive[k]] * (float)p->scale;
        const float least = fabsf(m[k]) * 1e-7f > 1e-30f ? fabsf(m[k]) * 1e-7f : 1e-30f;
        s[k] = s[k] > least ? s[k] : least;
    }
    for (int i = 0; i < CUTS; i++) {
        const int size = (alive < PLACES ? alive : PLACES) - 1 + COUNTS[i];
        if (size > alive || size < 1) continue;
        for (int k = 0; k < size; k++) top[k] = -3e38f;
        for (int k = 0; k < alive; k++) {
            const float low = m[k] - DEPTHS[i] * s[k];
            if (low <= top[size - 1]) continue;
            int at = size - 1;
            for (; at > 0 && top[at - 1] < low; at--) top[at] = top[at - 1];
            top[at] = low;
        }
        cut = top[size - 1] > cut ? top[size - 1] : cut;
    }
    return cut;
}

/* Weights of the trapezoid rule over a row, divided by it: they do not change between places. */
static void weigh(const float *restrict row, int nodes, float *restrict shares) {
    const int last = nodes - 1;
    shares[0] = (row[1] - row[0]) / row[0];
    for (int k = 1; k < last; k++) shares[k] = (row[k + 1] - row[k - 1]) / row[k];
    shares[last] = (row[last] - row[last - 1]) / row[last];
}

/* Find the contenders and lay their cumulative normals side by side. */
static void enter(const plan *restrict p, const contact *restrict c, race *restrict r) {
    r->alive = r->contenders = r->rows = r->members = 0;
    const float cut = gather(p, c, r);
    const float *restrict m = p->m, *restrict s = p->s;
    int32_t *restrict contender = p->contender, *restrict row_of = p->row_of;
    int count = 0;
    for (int k = 0; k < r->alive; k++) {
        contender[count] = k;
        count += m[k] + (float)REACH * s[k] >= cut;
    }
    r->contenders = count;
    float own_m[BOUND + 1], own_s[BOUND + 1], top[BOUND];
    int32_t who[BOUND];
    if (count <= BOUND) {
        for (int i = 0; i < count; i++) {
            own_m[i] = m[contender[i]];
            own_s[i] = s[contender[i]];
            row_of[i] = i;
        }
        r->rows = count;
    } else {
        /* The BOUND that rank highest stand alone, kept in falling order; the others are pooled. */
        double sum_m = 0.0, sum_s = 0.0;
        int kept = 0;
        for (int i = 0; i < count; i++) {
            const int k = contender[i];
            const float rank = m[k] + (float)RANK * s[k];
            sum_m += m[k];
            sum_s += s[k];
            row_of[i] = BOUND;
            if (kept == BOUND && rank <= top[BOUND - 1]) continue;
            int at = kept < BOUND ? kept++ : BOUND - 1;
            for (; at > 0 && top[at - 1] < rank; at--) {
                top[at] = top[at - 1];
                who[at] = who[at - 1];
            }
            top[at] = rank;
            who[at] = i;
        }
        for (int k = 0; k < BOUND; k++) {
            sum_m -= own_m[k] = m[contender[who[k]]];
            sum_s -= own_s[k] = s[contender[who[k]]];
            row_of[who[k]] = k;
        }
        r->rows = BOUND + 1;
        r->members = count - BOUND;
        own_m[BOUND] = sum_m / r->members;
        own_s[BOUND] = sum_s / r->members;
    }
    memset(r->gone, 0, sizeof r->gone);
    int q = r->rows ? NODES / r->rows : 0;
    q = q < NODES_LEAST ? NODES_LEAST : q > NODES_MOST ? NODES_MOST : q;
    /* Above the cut; what lies below it is one node. */
    float nodes[GRID + 1], grid[GRID], width = 0.0f;
    int size = r->rows > 1;
    nodes[0] = 0.0f;
    for (int i = 0; i < r->rows; i++) {
        const float reach = r->members && i == BOUND ? (float)POOL_REACH : (float)REACH;
        for (int k = 0; k < q; k++) {
            float z = own_m[i] - cut + own_s[i] * reach * ((k + (i + 0.5f) / r->rows) * (2.0f / q) - 1.0f);
            width = z > width ? z : width;
            nodes[size] = z;
            size += z > 0.0f;
        }
    }
    r->nodes = r->rows > 1 ? size : 0;
    sort_nodes(nodes, r->nodes, width, grid);
    const int own = r->rows < BOUND ? r->rows : BOUND;
    for (int i = 0; i < own && r->nodes; i++) {
        fill_below(grid, r->nodes, own_m[i] - cut, 1.0f / own_s[i], r->below[i]);
        weigh(r->below[i], r->nodes, r->shares[i]);
    }
    if (r->members) {
        fill_pool(grid, r->nodes, own_m[BOUND] - cut, 1.0 / own_s[BOUND], r->pooled);
        raise(r->pooled, r->nodes, r->members, r->below[BOUND], r->shares[BOUND]);
    }
}

/* Chance of each row to draw the largest. */
static void integrate(const race *restrict r, double *restrict chances) {
    float product[GRID];
    const int nodes = r->nodes;
    for (int k = 0; k < nodes; k++) product[k] = 1.0f;
    for (int i = 0; i < r->rows; i++) {
        const float *restrict row = r->below[i];
        if (r->gone[i]) continue;
        for (int k = 0; k < nodes; k++) {
            const float next = product[k] * row[k];
            product[k] = next > LEAST_BELOW ? next : LEAST_BELOW;
        }
    }
    double total = 0.0;
    for (int i = 0; i < r->rows; i++) {
        chances[i] = 0.0;
        if (r->gone[i]) continue;
        const float *restrict shares = r->shares[i];
        float gained = 0.0f;
        for (int k = 0; k < nodes; k++) gained += product[k] * shares[k];
        chances[i] = (gained > 0.0f ? gained : 0.0f) + 1e-300;
        total += chances[i];
    }
    for (int i = 0; i < r->rows; i++) chances[i] /= total;
    if (r->members) chances[BOUND] /= r->members;
}

/* Draw one place and take the drawn out of the race. */
static void place(const plan *restrict p, contact *restrict c, race *restrict r, int number) {
    double chances[BOUND + 1];
    const int count = r->contenders;
    c->chosen[number] = -1;
    c->probability[number] = 0.0;
    if (r->alive <= number) return;
    const int alive = r->alive - number;
    integrate(r, chances);
    const double rest = p->floor / alive;
    int contending = 0;
    double total = 0.0;
    for (int i = 0; i < count; i++) {
        if (p->row_of[i] < 0) continue;
        total += p->chance[i] = chances[p->row_of[i]] * (1.0 - p->floor) + rest;
        contending++;
    }
    /* contenders first, then the others, each in candidate order */
    const double target = c->uniform[number] * (total + rest * (alive - contending));
    double running = 0.0, probability = rest;
    int drawn = -1;
    for (int i = 0; i < count && running <= target; i++) {
        if (p->row_of[i] < 0) continue;
        running += probability = p->chance[i];
        drawn = i;
    }
    if (running > target || contending == alive) {
        const int row = p->row_of[drawn];
        p->row_of[drawn] = -1;
        if (r->members && row == BOUND) {
            r->members--;
            r->gone[BOUND] = r->members == 0;
            raise(r->pooled, r->nodes, r->members, r->below[BOUND], r->shares[BOUND]);
        } else {
            r->gone[row] = 1;
        }
        drawn = p->contender[drawn];
    } else {
        probability = rest;
        int left = (int)((target - running) / rest);
        left = left < alive - contending ? left : alive - contending - 1;
        drawn = -1;
        for (int next = 0; left >= 0;) {
            drawn++;
            const int contends = next < count && p->contender[next] == drawn;
            next += contends;
            left -= !contends && c->stages[p->alive[drawn]] == 0;
        }
    }
    c->chosen[number] = p->alive[drawn];
    c->probability[number] = probability;
    c->stages[p->alive[drawn]] = 2;
}

void floor_decide(const plan *restrict p, contact *restrict c) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    gate(p, c);
    score(p, c);
    race r;
    enter(p, c, &r);
    for (int number = 0; number < PLACES; number++) place(p, c, &r, number);
    clock_gettime(CLOCK_MONOTONIC, &end);
    c->nanoseconds = (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
}
